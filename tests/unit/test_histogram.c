/* The histogram against sorted samples: no quantile is off by more than the promised precision. */
#include "proto/histogram.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>

#define SAMPLES 20000

static const double quantiles[] = {0, 0.001, 0.01, 0.07, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 0.9999, 1};
#define QUANTILES (sizeof(quantiles) / sizeof(quantiles[0]))

static uint64_t next_random(uint64_t *state) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 11;
}

static int compare(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* The nearest rank in sorted samples, in integers: q is given in 1/10000. */
static uint64_t sorted_quantile(const uint64_t *samples, uint64_t n, unsigned q10000) {
    uint64_t rank = (n * q10000 + 9999) / 10000;
    return samples[rank ? rank - 1 : 0];
}

START_TEST(quantiles_of_random_samples)
{
    static uint64_t samples[SAMPLES];
    uint64_t state = (uint64_t)_i + 1, sum = 0;
    unsigned bits = 3 + (unsigned)_i;
    struct histogram h;
    ck_assert_int_eq(histogram_init(&h, bits, UINT64_MAX), 0);
    for (int i = 0; i < SAMPLES; i++) {
        samples[i] = next_random(&state) >> (next_random(&state) % 53); /* all magnitudes */
        sum += samples[i];
        histogram_add(&h, samples[i]);
    }
    qsort(samples, SAMPLES, sizeof(samples[0]), compare);
    ck_assert_uint_eq(h.count, SAMPLES);
    ck_assert_uint_eq(h.sum, sum);
    ck_assert_uint_eq(h.min, samples[0]);
    ck_assert_uint_eq(h.max, samples[SAMPLES - 1]);
    for (size_t i = 0; i < QUANTILES; i++) {
        uint64_t exact = sorted_quantile(samples, SAMPLES, (unsigned)(quantiles[i] * 10000 + 0.5));
        uint64_t found = histogram_quantile(&h, quantiles[i]);
        ck_assert_msg(found >= exact && found - exact <= exact >> bits, "bits %u, q %g: %lu, exactly %lu",
                      bits, quantiles[i], found, exact);
    }
    histogram_free(&h);
}
END_TEST

START_TEST(small_values_are_exact)
{
    struct histogram h;
    ck_assert_int_eq(histogram_init(&h, 7, 1000000), 0);
    for (uint64_t v = 0; v < 256; v++) /* below 2^(bits+1) a bucket holds one value */
        histogram_add(&h, v);
    for (uint64_t v = 0; v < 256; v++)
        ck_assert_uint_eq(histogram_quantile(&h, (double)(v + 1) / 256), v);
    histogram_reset(&h);
    for (uint64_t v = 1; v <= 100; v++)
        histogram_add(&h, v);
    for (uint64_t v = 1; v <= 100; v++) /* 0.07 * 100 is more than 7 in floating point */
        ck_assert_uint_eq(histogram_quantile(&h, (double)v / 100), v);
    histogram_free(&h);
}
END_TEST

START_TEST(buckets_partition_the_values)
{
    for (unsigned bits = 3; bits <= 12; bits++) {
        struct histogram h;
        ck_assert_int_eq(histogram_init(&h, bits, UINT64_MAX), 0);
        ck_assert_uint_eq(histogram_bucket_low(&h, 0), 0);
        for (unsigned i = 1; i < h.buckets; i++) {
            /* The lowest value of a bucket is in it, the one before in the bucket before. */
            uint64_t low = histogram_bucket_low(&h, i);
            histogram_add(&h, low);
            histogram_add(&h, low - 1);
            if (h.counts[i] != 1 || h.counts[i - 1] != (i == 1 ? 1 : 2)) /* looks first: check is slow */
                ck_abort_msg("bits %u, bucket %u from %lu", bits, i, low);
        }
        histogram_add(&h, UINT64_MAX);
        ck_assert_uint_eq(h.counts[h.buckets - 1], 2);
        histogram_free(&h);
    }
}
END_TEST

START_TEST(values_past_the_limit_count_as_the_limit)
{
    struct histogram h;
    ck_assert_int_eq(histogram_init(&h, 4, 1000), 0);
    histogram_add(&h, 1001);
    histogram_add(&h, UINT64_MAX);
    histogram_add(&h, 1000);
    ck_assert_uint_eq(h.count, 3);
    ck_assert_uint_eq(h.max, 1000);
    ck_assert_uint_eq(h.sum, 3000);
    ck_assert_uint_eq(h.counts[h.buckets - 1], 3);
    ck_assert_uint_eq(histogram_quantile(&h, 0.5), 1000);
    histogram_free(&h);
}
END_TEST

START_TEST(add_n_is_n_times_add)
{
    struct histogram a, b;
    ck_assert_int_eq(histogram_init(&a, 5, 1 << 20), 0);
    ck_assert_int_eq(histogram_init(&b, 5, 1 << 20), 0);
    histogram_add_n(&a, 777, 0);
    ck_assert_uint_eq(a.count, 0);
    ck_assert_uint_eq(a.max, 0);
    histogram_add_n(&a, 123456, 5);
    for (int i = 0; i < 5; i++)
        histogram_add(&b, 123456);
    ck_assert_uint_eq(a.count, b.count);
    ck_assert_uint_eq(a.sum, b.sum);
    ck_assert_uint_eq(a.min, 123456);
    ck_assert_mem_eq(a.counts, b.counts, a.buckets * sizeof(*a.counts));
    histogram_free(&a);
    histogram_free(&b);
}
END_TEST

START_TEST(merge_equals_one_histogram_of_all)
{
    struct histogram parts[2], all;
    uint64_t state = 42;
    ck_assert_int_eq(histogram_init(&parts[0], 7, 1ull << 40), 0);
    ck_assert_int_eq(histogram_init(&parts[1], 7, 1ull << 40), 0);
    ck_assert_int_eq(histogram_init(&all, 7, 1ull << 40), 0);
    histogram_merge(&parts[0], &parts[1]); /* nothing into nothing */
    ck_assert_uint_eq(parts[0].count, 0);
    for (int i = 0; i < 5000; i++) {
        uint64_t value = 1000 + (next_random(&state) >> (next_random(&state) % 53));
        histogram_add(&parts[i % 3 == 0], value);
        histogram_add(&all, value);
    }
    histogram_merge(&parts[0], &parts[1]);
    ck_assert_uint_eq(parts[0].count, all.count);
    ck_assert_uint_eq(parts[0].sum, all.sum);
    ck_assert_uint_eq(parts[0].min, all.min);
    ck_assert_uint_eq(parts[0].max, all.max);
    ck_assert_mem_eq(parts[0].counts, all.counts, all.buckets * sizeof(*all.counts));
    histogram_reset(&parts[1]);
    histogram_merge(&parts[1], &all); /* into an empty one: its minimum is not 0 */
    ck_assert_uint_eq(parts[1].min, all.min);
    histogram_free(&parts[0]);
    histogram_free(&parts[1]);
    histogram_free(&all);
}
END_TEST

START_TEST(empty_and_odd_quantiles)
{
    struct histogram h;
    ck_assert_int_eq(histogram_init(&h, 7, 1000), 0);
    ck_assert_uint_eq(histogram_quantile(&h, 0.5), 0);
    histogram_add(&h, 3);
    histogram_add(&h, 5);
    ck_assert_uint_eq(histogram_quantile(&h, -1), 3);
    ck_assert_uint_eq(histogram_quantile(&h, 0), 3);
    ck_assert_uint_eq(histogram_quantile(&h, 0.5), 3);
    ck_assert_uint_eq(histogram_quantile(&h, 0.51), 5);
    ck_assert_uint_eq(histogram_quantile(&h, 2), 5);
    ck_assert_uint_eq(histogram_quantile(&h, __builtin_nan("")), 3);
    histogram_reset(&h);
    ck_assert_uint_eq(h.count, 0);
    ck_assert_uint_eq(histogram_quantile(&h, 0.5), 0);
    histogram_add(&h, 9); /* after a reset the minimum starts anew */
    ck_assert_uint_eq(h.min, 9);
    histogram_free(&h);
}
END_TEST

START_TEST(bad_sizes_are_refused)
{
    struct histogram h;
    ck_assert_int_eq(histogram_init(&h, 2, 1000), -EINVAL);
    ck_assert_int_eq(histogram_init(&h, 13, 1000), -EINVAL);
    ck_assert_int_eq(histogram_init(&h, 7, 0), -EINVAL);
    ck_assert_int_eq(histogram_init(&h, 3, 1), 0);
    histogram_add(&h, 1);
    ck_assert_uint_eq(histogram_quantile(&h, 1), 1);
    histogram_free(&h);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("histogram");
    TCase *tests = tcase_create("histogram");
    tcase_add_loop_test(tests, quantiles_of_random_samples, 0, 10);
    tcase_add_test(tests, small_values_are_exact);
    tcase_add_test(tests, buckets_partition_the_values);
    tcase_add_test(tests, values_past_the_limit_count_as_the_limit);
    tcase_add_test(tests, add_n_is_n_times_add);
    tcase_add_test(tests, merge_equals_one_histogram_of_all);
    tcase_add_test(tests, empty_and_odd_quantiles);
    tcase_add_test(tests, bad_sizes_are_refused);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
