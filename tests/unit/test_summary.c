/* The report's arithmetic: from what was counted and sampled to what is stated. */
#include "tools/bench/live.h"
#include "tools/bench/summary.h"

#include <check.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define US INT64_C(1000)
#define S  INT64_C(1000000000)

static struct bench_settings settings;
static struct outcome outcome;
static struct summary summary;
static char pid[] = "1";

static void setup(void) {
    settings = (struct bench_settings){.duration = 2, .warmup = 1, .pid = pid};
    outcome = (struct outcome){.total = tally_new(), .start_ns = 10 * S};
}

static void teardown(void) {
    tally_free(outcome.total);
}

static void reply(int64_t intended, int64_t now, uint64_t bytes) {
    tally_reply(outcome.total, bytes ? DELIVERY_BYTES : DELIVERY_DESCRIPTOR, intended, now, bytes);
}

START_TEST(rates_are_over_the_measurement_without_the_warm_up)
{
    for (int i = 0; i < 1000; i++)
        reply(11 * S, 11 * S + 100 * US, 4096);
    outcome.total->lasted = true;
    outcome.total->timely_requests = 1000;
    outcome.total->timely_bytes = 1000 * 4096;
    summary_make(&outcome, &settings, &summary);
    ck_assert_double_eq(summary.seconds, 2);
    ck_assert_double_eq(summary.requests_s, 500);
    ck_assert_double_eq(summary.bytes_s, 500 * 4096);
}
END_TEST

START_TEST(a_reply_after_the_end_is_in_the_latencies_and_not_in_the_rates)
{
    reply(11 * S, 16 * S, 1 << 30);
    outcome.total->lasted = true;
    outcome.total->timely_bytes = 1 << 20; /* the first of it */
    summary_make(&outcome, &settings, &summary);
    ck_assert_double_eq(summary.seconds, 2);
    ck_assert_double_eq(summary.requests_s, 0);
    ck_assert_double_eq(summary.bytes_s, 1 << 19);
    ck_assert_double_eq(summary.last_s, 5);
    ck_assert_uint_eq(summary.latency.count, 1);
}
END_TEST

START_TEST(a_load_that_ended_early_is_measured_to_its_last_reply)
{
    reply(11 * S, 11 * S + 500000 * US, 100);
    summary_make(&outcome, &settings, &summary);
    ck_assert_double_eq_tol(summary.seconds, 0.5, 1e-9);
    ck_assert_double_eq_tol(summary.requests_s, 2, 1e-9);
    ck_assert_double_eq_tol(summary.bytes_s, 200, 1e-9);
}
END_TEST

START_TEST(without_a_duration_the_last_reply_is_the_end)
{
    settings.duration = 0;
    reply(11 * S, 11 * S + 500000 * US, 0);
    summary_make(&outcome, &settings, &summary);
    ck_assert_double_eq_tol(summary.seconds, 0.5, 1e-9);
}
END_TEST

START_TEST(latencies_are_in_microseconds_and_by_delivery)
{
    for (int i = 0; i < 99; i++)
        reply(0, 10 * US, 0);
    reply(0, 5000 * US, 77);
    summary_make(&outcome, &settings, &summary);
    ck_assert_uint_eq(summary.latency.count, 100);
    ck_assert_double_eq_tol(summary.latency.p50, 10, 0.02);
    ck_assert_double_eq_tol(summary.latency.p99, 10, 0.02);
    ck_assert_double_eq_tol(summary.latency.p999, 5000, 5);
    ck_assert_double_eq(summary.latency.max, 5000);
    ck_assert_double_eq_tol(summary.latency.mean, (99 * 10 + 5000) / 100.0, 1e-6);
    ck_assert_uint_eq(summary.descriptor.count, 99);
    ck_assert_uint_eq(summary.bytes.count, 1);
    ck_assert_double_eq(summary.bytes.max, 5000);
}
END_TEST

START_TEST(the_servers_cpu_is_shared_by_the_replies_between_the_samples)
{
    outcome.begin = (struct sample){11 * S, 1000, true, {5000000, 10, 3}};
    outcome.end = (struct sample){13 * S, 3000, true, {9000000, 510, 3}};
    summary_make(&outcome, &settings, &summary);
    ck_assert(summary.has_server);
    ck_assert_double_eq_tol(summary.server_cpu_us, 2, 1e-9);
    ck_assert_double_eq_tol(summary.server_cpu_share, 0.002, 1e-9);
    ck_assert_double_eq_tol(summary.server_switches, 0.25, 1e-9);
}
END_TEST

START_TEST(a_server_that_is_gone_has_no_cpu_time)
{
    outcome.begin = (struct sample){11 * S, 1000, true, {5000000, 10, 3}};
    outcome.end = (struct sample){13 * S, 3000, false, {0}};
    summary_make(&outcome, &settings, &summary);
    ck_assert(!summary.has_server);
}
END_TEST

START_TEST(without_replies_nothing_is_divided_by_zero)
{
    summary_make(&outcome, &settings, &summary);
    ck_assert(!summary.has_server);
    ck_assert_double_eq(summary.requests_s, 0);
    ck_assert_double_eq(summary.latency.mean, 0);
    ck_assert(!summary.good);
}
END_TEST

START_TEST(one_failure_of_any_kind_spoils_the_run)
{
    for (int i = 0; i < BENCH_ERRORS; i++) {
        teardown();
        setup();
        reply(0, 1, 0);
        summary_make(&outcome, &settings, &summary);
        ck_assert(summary.good);
        tally_error(outcome.total, (enum bench_error)i, 1, "this");
        summary_make(&outcome, &settings, &summary);
        ck_assert(!summary.good);
        ck_assert_uint_eq(summary.errors, 1);
    }
}
END_TEST

START_TEST(what_a_child_counts_is_seen_by_its_parent_and_merged)
{
    struct tally *shared = tally_new();
    pid_t child = fork();
    if (child == 0) {
        tally_reply(shared, DELIVERY_BYTES, 0, 100 * US, 10);
        tally_error(shared, ERROR_CLOSED, 2, "early");
        _exit(0);
    }
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
    reply(0, 300 * US, 5);
    tally_merge(outcome.total, shared);
    ck_assert_uint_eq(outcome.total->requests, 2);
    ck_assert_uint_eq(outcome.total->bytes, 15);
    ck_assert_uint_eq(outcome.total->latency.count, 2);
    ck_assert_uint_eq(outcome.total->latency.min, 100000);
    ck_assert_uint_eq(outcome.total->latency.max, 300000);
    ck_assert_uint_eq(tally_errors(outcome.total), 2);
    ck_assert_str_eq(outcome.total->first_error, "closed: early");
    tally_free(shared);
}
END_TEST

START_TEST(an_interval_holds_what_came_since_the_last)
{
    struct interval interval;
    ck_assert_int_eq(interval_init(&interval), 0);
    for (int i = 0; i < 10; i++)
        reply(0, 1000 * US, 0);
    interval_look(&interval, outcome.total);
    ck_assert_uint_eq(interval.between.count, 10);
    interval_look(&interval, outcome.total);
    ck_assert_uint_eq(interval.between.count, 0);
    reply(0, 7 * US, 0);
    interval_look(&interval, outcome.total);
    ck_assert_uint_eq(interval.between.count, 1);
    ck_assert_uint_le(interval.between.max, 7000);
    ck_assert_uint_ge(interval.between.max, 6990);
    interval_free(&interval);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("summary");
    TCase *tests = tcase_create("summary");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, rates_are_over_the_measurement_without_the_warm_up);
    tcase_add_test(tests, a_reply_after_the_end_is_in_the_latencies_and_not_in_the_rates);
    tcase_add_test(tests, a_load_that_ended_early_is_measured_to_its_last_reply);
    tcase_add_test(tests, without_a_duration_the_last_reply_is_the_end);
    tcase_add_test(tests, latencies_are_in_microseconds_and_by_delivery);
    tcase_add_test(tests, the_servers_cpu_is_shared_by_the_replies_between_the_samples);
    tcase_add_test(tests, a_server_that_is_gone_has_no_cpu_time);
    tcase_add_test(tests, without_replies_nothing_is_divided_by_zero);
    tcase_add_test(tests, one_failure_of_any_kind_spoils_the_run);
    tcase_add_test(tests, what_a_child_counts_is_seen_by_its_parent_and_merged);
    tcase_add_test(tests, an_interval_holds_what_came_since_the_last);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
