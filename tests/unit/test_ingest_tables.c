/* The bounded tables of ingestion: queue, rates, keys, series. */
#include "handlers/ingest/idempotency.h"
#include "handlers/ingest/limiter.h"
#include "handlers/ingest/queue.h"
#include "handlers/ingest/series.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

static struct batch batches[8];

START_TEST(a_full_queue_opens_when_it_has_sunk)
{
    struct queue queue;
    queue_init(&queue, 4, 1000);
    for (int i = 0; i < 4; i++) {
        ck_assert(queue_has_room(&queue));
        queue_push(&queue, &batches[i]);
    }
    ck_assert(!queue_has_room(&queue));
    struct batch *first = queue_take(&queue), *second = queue_take(&queue);
    ck_assert_ptr_eq(first, &batches[0]);
    ck_assert(!queue_has_room(&queue)); /* taken, and still in memory */
    queue_let_go(&queue, first);
    ck_assert(!queue_has_room(&queue));
    queue_let_go(&queue, second);
    ck_assert(queue_has_room(&queue));
}
END_TEST

START_TEST(bytes_fill_a_queue_too)
{
    struct queue queue;
    queue_init(&queue, 100, 1000);
    batches[0].n = batches[1].n = 600;
    queue_push(&queue, &batches[0]);
    ck_assert(queue_has_room(&queue));
    queue_push(&queue, &batches[1]);
    ck_assert(!queue_has_room(&queue));
    batches[0].n = batches[1].n = 0;
}
END_TEST

START_TEST(what_is_put_back_comes_first)
{
    struct queue queue;
    struct batch_list list = STAILQ_HEAD_INITIALIZER(list);
    queue_init(&queue, 100, 1000);
    for (int i = 0; i < 3; i++)
        queue_push(&queue, &batches[i]);
    struct batch *first = queue_take(&queue), *second = queue_take(&queue);
    STAILQ_INSERT_TAIL(&list, first, link);
    STAILQ_INSERT_TAIL(&list, second, link);
    queue_put_back(&queue, &list);
    ck_assert_uint_eq(queue.waiting, 3);
    for (int i = 0; i < 3; i++)
        ck_assert_ptr_eq(queue_take(&queue), &batches[i]);
    ck_assert_ptr_null(queue_take(&queue));
}
END_TEST

static struct limiter_client *client(struct limiter *limiter, const char *name, double now) {
    return limiter_find(limiter, name, strlen(name), now);
}

START_TEST(the_rate_holds_whatever_a_batch_costs)
{
    struct limiter limiter;
    uint64_t passed = 0;
    limiter_init(&limiter, 100, 0, 10);
    for (int ms = 0; ms < 100000; ms++) {
        struct limiter_client *c = client(&limiter, "a", 1 + ms / 1000.0);
        if (!limiter_allows(&limiter, c))
            continue;
        uint64_t cost = 1 + (uint64_t)(ms * 7 % 301);
        limiter_charge(&limiter, c, cost);
        passed += cost;
    }
    ck_assert_uint_le(passed, 100 * 100 + 100 + 301);
    ck_assert_uint_ge(passed, 100 * 100);
    limiter_free(&limiter);
}
END_TEST

START_TEST(a_wait_is_long_enough)
{
    struct limiter limiter;
    limiter_init(&limiter, 10, 0, 10);
    limiter_charge(&limiter, client(&limiter, "a", 5), 100);
    double wait = limiter_wait(&limiter, client(&limiter, "a", 5));
    ck_assert(!limiter_allows(&limiter, client(&limiter, "a", 5 + wait * 0.9)));
    ck_assert(limiter_allows(&limiter, client(&limiter, "a", 5 + wait)));
    ck_assert(limiter_allows(&limiter, client(&limiter, "b", 5)));
    limiter_free(&limiter);
}
END_TEST

START_TEST(the_least_recent_clients_are_forgotten)
{
    struct limiter limiter;
    char name[16];
    limiter_init(&limiter, 10, 0, 3);
    limiter_charge(&limiter, client(&limiter, "busy", 1), 1000);
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof(name), "%d", i);
        ck_assert_ptr_nonnull(client(&limiter, name, 1));
        ck_assert(!limiter_allows(&limiter, client(&limiter, "busy", 1)));
    }
    ck_assert_uint_eq(limiter.count, 3);
    limiter_free(&limiter);
}
END_TEST

START_TEST(keys_are_remembered_for_the_window)
{
    struct idempotency table;
    struct span key = span_text("key");
    idempotency_init(&table, 10, 100);
    struct idempotency_entry *entry = idempotency_begin(&table, key, 5, 0);
    ck_assert(idempotency_find(&table, key, 1000)->pending);
    ck_assert(idempotency_answer(entry, span_text("answer"), 7, 2));
    idempotency_end(&table, entry, 1000);
    entry = idempotency_find(&table, key, 11000);
    ck_assert(!entry->pending && entry->sequence == 7 && entry->count == 2 && entry->fingerprint == 5);
    ck_assert(span_equal(span_of(entry->answer, entry->answer_n), span_text("answer")));
    ck_assert_ptr_null(idempotency_find(&table, key, 11001));
    idempotency_cancel(&table, idempotency_begin(&table, key, 5, 0));
    ck_assert_ptr_null(idempotency_find(&table, key, 11001));
    idempotency_free(&table);
}
END_TEST

/* Each answer has a mebibyte: of 100 not even 64 are remembered. */
START_TEST(answers_of_keys_have_bounded_room)
{
    struct idempotency table;
    size_t n = 1 << 20;
    char *answer = calloc(1, n);
    idempotency_init(&table, 1000, 1000);
    for (int i = 0; i < 100; i++) {
        struct span key = span_of((const char *)&i, sizeof(i));
        struct idempotency_entry *entry = idempotency_begin(&table, key, 0, 0);
        ck_assert(idempotency_answer(entry, span_of(answer, n), 1, 1));
        idempotency_end(&table, entry, 1000);
        ck_assert_ptr_nonnull(idempotency_find(&table, key, 1000));
    }
    ck_assert_uint_lt(table.count, IDEMPOTENCY_BYTES / n);
    ck_assert_uint_gt(table.count, IDEMPOTENCY_BYTES / n / 2);
    idempotency_free(&table);
    free(answer);
}
END_TEST

START_TEST(a_key_survives_its_record)
{
    struct idempotency table, second;
    char packed[8 + IDEMPOTENCY_KEY_MAX];
    idempotency_init(&table, 10, 100);
    idempotency_init(&second, 10, 100);
    struct idempotency_entry *entry = idempotency_begin(&table, span_text("key"), 0x1122334455667788, 0);
    size_t n = idempotency_pack(entry, packed);
    struct record record = {
        .sequence = 9, .count = 1, .time_ms = 500, .flags = RECORD_KEYED | 2 << RECORD_ACK_SHIFT};
    idempotency_recover(&second, &record, span_of(packed, n), span_text("answer"));
    idempotency_recover(&second, &record, span_of(packed, 3), span_text("torn"));
    const struct idempotency_entry *found = idempotency_find(&second, span_text("key"), 600);
    ck_assert_uint_eq(found->fingerprint, 0x1122334455667788);
    ck_assert_uint_eq(found->sequence, 9);
    ck_assert_int_eq(found->ack, 2);
    idempotency_free(&table);
    idempotency_free(&second);
}
END_TEST

/* A sample as it is decoded from the log's form. */
static struct sample *decoded(const char *name, enum sample_type type, const char *label, double value) {
    static char bytes[1024];
    static struct sample sample;
    sample = (struct sample){.name = span_text(name), .type = type, .value = value, .time_ms = 1000};
    if (label)
        sample.labels[sample.labels_n++] = (struct sample_label){span_text("l"), span_text(label)};
    size_t n = sample_size(&sample);
    ck_assert_uint_le(n, sizeof(bytes));
    sample_encode(&sample, bytes);
    struct span rest = span_of(bytes, n);
    ck_assert_int_eq(sample_decode(&rest, &sample), 0);
    return &sample;
}

START_TEST(a_million_series_are_no_more_than_the_limit)
{
    struct series_table table;
    char label[16];
    series_init(&table, 1000, 600);
    for (int i = 0; i < 1000000; i++) {
        snprintf(label, sizeof(label), "%d", i);
        series_admit(&table, decoded("n", SAMPLE_GAUGE, label, 1), 7, 1);
    }
    ck_assert_uint_eq(table.count, 600);
    for (int i = 0; i < 2000; i++) {
        snprintf(label, sizeof(label), "x%d", i);
        series_admit(&table, decoded("n", SAMPLE_GAUGE, label, 1), 8, 1);
    }
    ck_assert_uint_eq(table.count, 1000);
    ck_assert_int_eq(series_admit(&table, decoded("n", SAMPLE_GAUGE, "5", 1), 9, 1), SERIES_GOOD);
    ck_assert_uint_eq(series_drop(&table, 2, UINT64_MAX), 1000);
    ck_assert_int_eq(series_admit(&table, decoded("n", SAMPLE_GAUGE, "new", 1), 7, 3), SERIES_GOOD);
    series_free(&table);
}
END_TEST

START_TEST(a_name_has_one_type)
{
    struct series_table table;
    series_init(&table, 10, 0);
    ck_assert_int_eq(series_admit(&table, decoded("n", SAMPLE_GAUGE, "a", 1), 0, 1), SERIES_GOOD);
    ck_assert_int_eq(series_admit(&table, decoded("n", SAMPLE_COUNTER, "b", 1), 0, 1), SERIES_OTHER_TYPE);
    series_drop(&table, 2, UINT64_MAX);
    ck_assert_int_eq(series_admit(&table, decoded("n", SAMPLE_COUNTER, "b", 1), 0, 1), SERIES_GOOD);
    series_free(&table);
}
END_TEST

START_TEST(names_do_not_overlap)
{
    static const struct {
        const char *first, *second;
        enum sample_type types[2];
        enum series_verdict verdict;
    } rows[] = {
        {"h", "h_bucket", {SAMPLE_HISTOGRAM, SAMPLE_GAUGE}, SERIES_OVERLAP},
        {"h_sum", "h", {SAMPLE_COUNTER, SAMPLE_HISTOGRAM}, SERIES_OVERLAP},
        {"s", "s_count", {SAMPLE_SUMMARY, SAMPLE_HISTOGRAM}, SERIES_OVERLAP},
        {"s_bucket", "s", {SAMPLE_GAUGE, SAMPLE_SUMMARY}, SERIES_GOOD},
        {"g", "g_count", {SAMPLE_GAUGE, SAMPLE_GAUGE}, SERIES_GOOD},
        {"h", "h_counts", {SAMPLE_HISTOGRAM, SAMPLE_GAUGE}, SERIES_GOOD},
        {"h", "_count", {SAMPLE_HISTOGRAM, SAMPLE_GAUGE}, SERIES_GOOD},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct series_table table;
        series_init(&table, 10, 0);
        ck_assert_int_eq(series_admit(&table, decoded(rows[i].first, rows[i].types[0], "a", 1), 0, 1),
                         SERIES_GOOD);
        ck_assert_int_eq(series_admit(&table, decoded(rows[i].second, rows[i].types[1], "a", 1), 0, 1),
                         rows[i].verdict);
        series_free(&table);
    }
}
END_TEST

/* Admits a sample; then the log has it, or not. */
static void pass(struct series_table *table, const char *name, enum sample_type type, const char *label,
                 bool logged) {
    const struct sample *sample = decoded(name, type, label, 1);
    struct span bytes = span_of(sample->name.p - 26, sample_size(sample));
    ck_assert_int_eq(series_admit(table, sample, 7, 1), SERIES_GOOD);
    if (logged)
        series_apply(table, &bytes, 1, 1, INT64_MAX);
    else
        series_retract(table, bytes);
}

START_TEST(what_was_not_logged_leaves_nothing)
{
    struct series_table table;
    series_init(&table, 10, 1);
    for (int i = 0; i < 3; i++)
        pass(&table, "n", i % 2 ? SAMPLE_GAUGE : SAMPLE_COUNTER, "a", false);
    ck_assert_uint_eq(table.count, 0);
    pass(&table, "n", SAMPLE_GAUGE, "a", true);
    pass(&table, "n", SAMPLE_GAUGE, "a", false);
    ck_assert_uint_eq(table.count, 1);
    ck_assert_int_eq(series_admit(&table, decoded("m", SAMPLE_GAUGE, "a", 1), 8, 1), SERIES_GOOD);
    pass(&table, "m", SAMPLE_GAUGE, "a", false); /* the first one may still come */
    ck_assert_uint_eq(table.count, 2);
    series_free(&table);
}
END_TEST

static bool is_next(struct series_table *table, const char *name, const char *label) {
    const struct series *series = series_walk_next(table);
    struct span rest = span_of(series->key, series->key_n), first = sample_take_text(&rest);
    sample_take_text(&rest);
    return span_equal(first, span_text(name)) && span_equal(sample_take_text(&rest), span_text(label));
}

/* A gauge's value, set at a time, when none can be later than latest_ms. */
static double set_gauge(struct series_table *table, double value, int64_t time_ms, int64_t latest_ms) {
    struct sample sample = *decoded("g", SAMPLE_GAUGE, NULL, value);
    char bytes[128];
    sample.time_ms = time_ms;
    struct span rest = span_of(bytes, sample_size(&sample));
    ck_assert_uint_le(rest.n, sizeof(bytes));
    sample_encode(&sample, bytes);
    series_admit(table, &sample, 0, 1);
    series_apply(table, &rest, 1, 1, latest_ms);
    series_walk(table);
    return series_walk_next(table)->value;
}

START_TEST(a_clock_that_is_set_back_holds_no_series)
{
    struct series_table table;
    series_init(&table, 10, 0);
    ck_assert(set_gauge(&table, 1, 5000, 6000) == 1);
    ck_assert(set_gauge(&table, 2, 4000, 6000) == 1); /* late */
    ck_assert(set_gauge(&table, 3, 2000, 3000) == 3); /* 5000 cannot be */
    ck_assert(set_gauge(&table, 4, 1000, 3000) == 3);
    series_free(&table);
}
END_TEST

START_TEST(a_walk_goes_on_while_series_come_and_go)
{
    static const char *const labels[] = {"1", "2", "3", "4"};
    struct series_table table;
    series_init(&table, 100, 0);
    for (int i = 0; i < 6; i++)
        series_admit(&table, decoded(i < 3 ? "a" : "b", SAMPLE_GAUGE, labels[i % 3], 1), 0, i < 3 ? 1 : 5);
    series_walk(&table);
    ck_assert(is_next(&table, "a", "1"));
    series_drop(&table, 2, 2); /* a1 and a2, which would have been the next one */
    ck_assert(is_next(&table, "a", "3"));
    series_drop(&table, 2, 1);
    series_admit(&table, decoded("a", SAMPLE_GAUGE, "1", 1), 0, 5); /* a new family of an old name */
    series_admit(&table, decoded("b", SAMPLE_GAUGE, "4", 1), 0, 5);
    for (int i = 0; i < 4; i++)
        ck_assert(is_next(&table, "b", labels[i]));
    ck_assert_ptr_null(series_walk_next(&table));
    series_walk(&table);
    series_free(&table);
    ck_assert_ptr_null(series_walk_next(&table));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("ingest tables");
    TCase *tests = tcase_create("all");
    tcase_set_timeout(tests, 60); /* a million series on a busy machine */
    tcase_add_test(tests, a_full_queue_opens_when_it_has_sunk);
    tcase_add_test(tests, bytes_fill_a_queue_too);
    tcase_add_test(tests, what_is_put_back_comes_first);
    tcase_add_test(tests, the_rate_holds_whatever_a_batch_costs);
    tcase_add_test(tests, a_wait_is_long_enough);
    tcase_add_test(tests, the_least_recent_clients_are_forgotten);
    tcase_add_test(tests, keys_are_remembered_for_the_window);
    tcase_add_test(tests, answers_of_keys_have_bounded_room);
    tcase_add_test(tests, a_key_survives_its_record);
    tcase_add_test(tests, a_million_series_are_no_more_than_the_limit);
    tcase_add_test(tests, a_name_has_one_type);
    tcase_add_test(tests, names_do_not_overlap);
    tcase_add_test(tests, what_was_not_logged_leaves_nothing);
    tcase_add_test(tests, a_clock_that_is_set_back_holds_no_series);
    tcase_add_test(tests, a_walk_goes_on_while_series_come_and_go);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
