/* The HdrHistogram log: what is written can be decoded by the format's rules, with every count in its place.
 */
#include "tools/bench/hdrlog.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static struct histogram histogram;

static void setup(void) {
    ck_assert_int_eq(histogram_init(&histogram, HDRLOG_BITS, 3600000000000u), 0);
}

static void teardown(void) {
    histogram_free(&histogram);
}

static uint64_t big_endian(const unsigned char *bytes, unsigned n) {
    uint64_t value = 0;
    for (unsigned i = 0; i < n; i++)
        value = value << 8 | bytes[i];
    return value;
}

/* One ZigZag LEB128 number, at most 9 bytes. */
static int64_t take_number(const unsigned char **at) {
    uint64_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
        unsigned char byte = *(*at)++;
        value |= (uint64_t)(shift == 56 ? byte : byte & 0x7f) << shift;
        if (shift == 56 || !(byte & 0x80))
            return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
    }
}

/* Decodes the V2 encoding into counts (of histogram.buckets); checks the header. */
static void decode(const unsigned char *bytes, size_t n, uint64_t *counts) {
    ck_assert_uint_eq(big_endian(bytes, 4), 0x1c849313);
    ck_assert_uint_eq(big_endian(bytes + 4, 4), n - 40);
    ck_assert_uint_eq(big_endian(bytes + 8, 4), 0);
    ck_assert_uint_eq(big_endian(bytes + 12, 4), 3);
    ck_assert_uint_eq(big_endian(bytes + 16, 8), 1);
    ck_assert_uint_eq(big_endian(bytes + 24, 8), histogram.limit);
    ck_assert_uint_eq(big_endian(bytes + 32, 8), 0x3ff0000000000000);
    unsigned bucket = 0;
    for (const unsigned char *at = bytes + 40; at < bytes + n;) {
        int64_t number = take_number(&at);
        if (number < 0)
            bucket += (unsigned)-number;
        else
            counts[bucket++] = (uint64_t)number;
        ck_assert_uint_le(bucket, histogram.buckets);
    }
}

static void assert_round_trip(void) {
    size_t n;
    unsigned char *bytes = hdrlog_encode(&histogram, &n);
    uint64_t *counts = calloc(histogram.buckets, sizeof(*counts));
    decode(bytes, n, counts);
    ck_assert_int_eq(memcmp(counts, histogram.counts, histogram.buckets * sizeof(*counts)), 0);
    free(counts);
    free(bytes);
}

START_TEST(an_empty_histogram_is_only_a_header)
{
    size_t n;
    unsigned char *bytes = hdrlog_encode(&histogram, &n);
    ck_assert_uint_eq(n, 40);
    free(bytes);
}
END_TEST

START_TEST(every_count_comes_back_in_its_bucket)
{
    static const uint64_t values[] = {0, 1, 2, 1023, 1024, 2047, 2048, 2050, 1000000, 3600000000000u};
    for (unsigned i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        histogram_add_n(&histogram, values[i], i + 1);
    assert_round_trip();
}
END_TEST

START_TEST(counts_of_every_length_come_back)
{
    for (unsigned bit = 0; bit < 63; bit++)
        histogram_add_n(&histogram, bit * 3, (uint64_t)1 << bit);
    histogram_add_n(&histogram, 500, INT64_MAX);
    assert_round_trip();
}
END_TEST

/* The buckets of a HdrHistogram with 3 digits: 2,048 of width 1, then 1,024 for each power of two. */
START_TEST(the_buckets_are_those_of_three_digits)
{
    ck_assert_uint_eq(histogram_bucket_low(&histogram, 2047), 2047);
    ck_assert_uint_eq(histogram_bucket_low(&histogram, 2048), 2048);
    ck_assert_uint_eq(histogram_bucket_low(&histogram, 2049), 2050);
    ck_assert_uint_eq(histogram_bucket_low(&histogram, 3072), 4096);
    ck_assert_uint_eq(histogram_bucket_low(&histogram, 3073), 4100);
}
END_TEST

static size_t decode_base64(const char *text, unsigned char *out) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t n = 0;
    uint32_t bits = 0;
    unsigned have = 0;
    for (; *text && *text != '=' && *text != '\n'; text++) {
        bits = bits << 6 | (uint32_t)(strchr(digits, *text) - digits);
        have += 6;
        if (have >= 8)
            out[n++] = (unsigned char)(bits >> (have -= 8));
    }
    return n;
}

START_TEST(a_line_has_times_the_greatest_value_and_the_histogram)
{
    char *text = NULL;
    size_t text_n;
    unsigned char bytes[512], plain[512];
    uLongf plain_n = sizeof(plain);
    double begin, length, max;
    char encoded[512];
    histogram_add(&histogram, 2500000);
    histogram_add(&histogram, 1000);
    FILE *out = open_memstream(&text, &text_n);
    hdrlog_begin(out, 1700000000.25);
    ck_assert_int_eq(hdrlog_interval(out, 1, 0.5, &histogram), 0);
    fclose(out);
    ck_assert_ptr_nonnull(strstr(text, "#[StartTime: 1700000000.250 (seconds since epoch)]\n"));
    const char *line = strstr(text, "Histogram\"\n") + strlen("Histogram\"\n");
    ck_assert_int_eq(sscanf(line, "%lf,%lf,%lf,%511s", &begin, &length, &max, encoded), 4);
    ck_assert_double_eq(begin, 1);
    ck_assert_double_eq(length, 0.5);
    ck_assert_double_eq(max, 2.5);
    size_t n = decode_base64(encoded, bytes);
    ck_assert_uint_eq(big_endian(bytes, 4), 0x1c849314);
    ck_assert_uint_eq(big_endian(bytes + 4, 4), n - 8);
    ck_assert_int_eq(uncompress(plain, &plain_n, bytes + 8, n - 8), Z_OK);
    uint64_t *counts = calloc(histogram.buckets, sizeof(*counts));
    decode(plain, plain_n, counts);
    ck_assert_int_eq(memcmp(counts, histogram.counts, histogram.buckets * sizeof(*counts)), 0);
    free(counts);
    free(text);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("hdrlog");
    TCase *tests = tcase_create("hdrlog");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, an_empty_histogram_is_only_a_header);
    tcase_add_test(tests, every_count_comes_back_in_its_bucket);
    tcase_add_test(tests, counts_of_every_length_come_back);
    tcase_add_test(tests, the_buckets_are_those_of_three_digits);
    tcase_add_test(tests, a_line_has_times_the_greatest_value_and_the_histogram);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
