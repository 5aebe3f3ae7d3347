/* The open loop of the load generator: when requests are due, and that a server that pauses cannot hide it.
 */
#include "tools/bench/schedule.h"
#include "tools/bench/worker.h"

#include <check.h>
#include <stdlib.h>

#define US INT64_C(1000)
#define MS INT64_C(1000000)
#define S  INT64_C(1000000000)

START_TEST(requests_are_due_at_a_constant_rate)
{
    const struct schedule schedule = {.begin_ns = 5 * S, .rate = 1000};
    ck_assert_int_eq(schedule_at(&schedule, 0), 5 * S);
    ck_assert_int_eq(schedule_at(&schedule, 1), 5 * S + MS);
    ck_assert_int_eq(schedule_at(&schedule, 3600000), 3605 * S);
}
END_TEST

START_TEST(nothing_is_due_before_the_start_and_one_request_at_it)
{
    const struct schedule schedule = {.begin_ns = 5 * S, .rate = 1000};
    ck_assert_uint_eq(schedule_due(&schedule, 0), 0);
    ck_assert_uint_eq(schedule_due(&schedule, 5 * S - 1), 0);
    ck_assert_uint_eq(schedule_due(&schedule, 5 * S), 1);
    ck_assert_uint_eq(schedule_due(&schedule, 5 * S + MS - 1), 1);
    ck_assert_uint_eq(schedule_due(&schedule, 5 * S + MS), 2);
}
END_TEST

START_TEST(what_is_due_agrees_with_when_at_every_rate)
{
    static const double rates[] = {0.3, 1, 3, 7, 999.5, 30000, 1234567, 1e8};
    for (unsigned r = 0; r < sizeof(rates) / sizeof(rates[0]); r++) {
        const struct schedule schedule = {.begin_ns = 12345, .rate = rates[r]};
        for (uint64_t i = 0; i < 2000000; i = i * 2 + 1) {
            int64_t at = schedule_at(&schedule, i);
            ck_assert_uint_ge(schedule_due(&schedule, at), i + 1);
            if (schedule_at(&schedule, i + 1) > at)
                ck_assert_uint_eq(schedule_due(&schedule, at), i + 1);
            if (i > 0 && schedule_at(&schedule, i - 1) < at)
                ck_assert_uint_eq(schedule_due(&schedule, at - 1), i);
        }
    }
}
END_TEST

/* ---- a server on an injected clock --------------------------------------------------------------- */

struct model {
    struct worker worker;
    struct caller callers[2];
    struct exchange exchanges[2];
    struct bench_settings settings;
    struct plan plan;
    struct keys keys;
    struct tally *tally;
    int64_t answer_at[2];
};

static struct model *model_new(double rate, unsigned connections) {
    struct model *model = calloc(1, sizeof(*model));
    model->settings.mode = MODE_FDPASS;
    model->keys.count = 1;
    model->plan.settings = &model->settings;
    model->tally = tally_new();
    model->worker = (struct worker){.plan = &model->plan,
                                    .callers = model->callers,
                                    .count = connections,
                                    .schedule = {.rate = rate},
                                    .left = UINT64_MAX,
                                    .end_ns = S,
                                    .started = true};
    picker_init(&model->worker.picker, &model->keys, 0);
    for (unsigned i = 0; i < connections; i++) {
        model->callers[i].turn = i;
        model->callers[i].flight = (struct flight){.ring = &model->exchanges[i], .size = 1};
    }
    return model;
}

static void model_free(struct model *model) {
    tally_free(model->tally);
    free(model);
}

/* Answers 100 us after the request, but not between 300 ms and 500 ms. */
static int64_t answer_time(int64_t asked) {
    int64_t at = asked + 100 * US;
    return at > 300 * MS && at < 500 * MS ? 500 * MS : at;
}

static void step(struct model *model, unsigned i, int64_t now) {
    struct caller *caller = &model->callers[i];
    struct exchange exchange;
    if (caller->flight.count > 0 && model->answer_at[i] <= now) {
        exchange = *flight_oldest(&caller->flight);
        flight_pop(&caller->flight);
        caller->free_ns = now;
        tally_reply(model->tally, DELIVERY_DESCRIPTOR, exchange.intended_ns, now, 0);
    }
    if (!flight_full(&caller->flight) && worker_take(&model->worker, caller, now, &exchange)) {
        flight_push(&caller->flight, exchange);
        model->answer_at[i] = answer_time(now);
    }
}

static void run_model(struct model *model) {
    for (int64_t now = 0; now < 2 * S; now += 10 * US)
        for (unsigned i = 0; i < model->worker.count; i++)
            step(model, i, now);
}

START_TEST(a_pause_of_the_server_shows_in_every_request_that_was_due)
{
    struct model *model = model_new(1000, 1);
    run_model(model);
    const struct histogram *latency = &model->tally->latency;
    ck_assert_uint_eq(latency->count, 1000);
    /* 200 were due in the pause: their latencies are spread evenly from 200 ms down. */
    ck_assert_uint_ge(histogram_quantile(latency, 0.95), 145 * MS);
    ck_assert_uint_le(histogram_quantile(latency, 0.95), 175 * MS);
    ck_assert_uint_ge(histogram_quantile(latency, 0.82), 15 * MS);
    ck_assert_uint_le(histogram_quantile(latency, 0.70), MS);
    ck_assert_uint_ge(latency->max, 199 * MS);
    model_free(model);
}
END_TEST

START_TEST(the_closed_loop_hides_the_same_pause)
{
    struct model *model = model_new(0, 1);
    run_model(model);
    const struct histogram *latency = &model->tally->latency;
    ck_assert_uint_ge(latency->max, 199 * MS);
    ck_assert_uint_le(histogram_quantile(latency, 0.999), MS);
    model_free(model);
}
END_TEST

START_TEST(connections_take_turns_and_each_keeps_its_own)
{
    struct model *model = model_new(1000, 2);
    struct exchange exchange;
    ck_assert(worker_take(&model->worker, &model->callers[1], 10 * MS, &exchange));
    ck_assert_int_eq(exchange.intended_ns, 1 * MS);
    ck_assert(worker_take(&model->worker, &model->callers[1], 10 * MS, &exchange));
    ck_assert_int_eq(exchange.intended_ns, 3 * MS);
    ck_assert(worker_take(&model->worker, &model->callers[0], 10 * MS, &exchange));
    ck_assert_int_eq(exchange.intended_ns, 0);
    ck_assert(!worker_take(&model->worker, &model->callers[1], 4 * MS, &exchange));
    model_free(model);
}
END_TEST

START_TEST(nothing_is_sent_after_the_end_but_what_was_due_before_it)
{
    struct model *model = model_new(10, 1);
    struct exchange exchange;
    for (int i = 0; i < 10; i++)
        ck_assert(worker_take(&model->worker, &model->callers[0], 5 * S, &exchange));
    ck_assert_int_eq(exchange.intended_ns, 900 * MS);
    ck_assert(!worker_take(&model->worker, &model->callers[0], 5 * S, &exchange));
    model_free(model);
}
END_TEST

START_TEST(the_number_of_requests_is_kept)
{
    struct model *model = model_new(0, 2);
    struct exchange exchange;
    model->worker.left = 3;
    for (unsigned i = 0; i < 3; i++)
        ck_assert(worker_take(&model->worker, &model->callers[i % 2], 0, &exchange));
    ck_assert(!worker_take(&model->worker, &model->callers[0], 0, &exchange));
    ck_assert(!worker_take(&model->worker, &model->callers[1], 0, &exchange));
    model_free(model);
}
END_TEST

START_TEST(a_mixed_load_keeps_its_ratio)
{
    struct model *model = model_new(0, 1);
    struct exchange exchange;
    unsigned descriptors = 0;
    model->settings.mode = MODE_MIXED;
    model->settings.fd_ratio = 0.8;
    for (unsigned i = 0; i < 1000; i++) {
        ck_assert(worker_take(&model->worker, &model->callers[0], 0, &exchange));
        descriptors += exchange.op == 'F';
        ck_assert(exchange.op == 'F' || exchange.op == 'C');
    }
    ck_assert_uint_ge(descriptors, 799);
    ck_assert_uint_le(descriptors, 801);
    model_free(model);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("schedule");
    TCase *tests = tcase_create("schedule");
    tcase_add_test(tests, requests_are_due_at_a_constant_rate);
    tcase_add_test(tests, nothing_is_due_before_the_start_and_one_request_at_it);
    tcase_add_test(tests, what_is_due_agrees_with_when_at_every_rate);
    tcase_add_test(tests, a_pause_of_the_server_shows_in_every_request_that_was_due);
    tcase_add_test(tests, the_closed_loop_hides_the_same_pause);
    tcase_add_test(tests, connections_take_turns_and_each_keeps_its_own);
    tcase_add_test(tests, nothing_is_sent_after_the_end_but_what_was_due_before_it);
    tcase_add_test(tests, the_number_of_requests_is_kept);
    tcase_add_test(tests, a_mixed_load_keeps_its_ratio);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
