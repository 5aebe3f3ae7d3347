#include "tests/unit/ring_rig.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>

static struct ring_rig rig;

static void setup(void) {
    ring_rig_setup(&rig);
}

static void teardown(void) {
    ring_rig_teardown(&rig);
}

START_TEST(a_read_brings_its_bytes)
{
    ring_rig_start(&rig, 1, 8, 32, 16);
    struct job *job = ring_rig_read(&rig, 0, 500);
    ring_rig_run(&rig);
    ring_rig_finished(&rig, job, 0);
    ck_assert_uint_eq(job->read.got, RING_RIG_WANT);
    ck_assert_int_gt(job->started_ns, 0);
    ring_rig_bytes(&rig, 0);
}
END_TEST

START_TEST(a_splice_fills_its_pipe)
{
    ring_rig_start(&rig, 1, 8, 32, 16);
    struct job *job = ring_rig_splice(&rig, 0, 3, 500, RING_RIG_WANT);
    ring_rig_run(&rig);
    ring_rig_finished(&rig, job, 0);
    ck_assert_uint_eq(job->splice.got, RING_RIG_WANT);
    ring_rig_piped(&rig, job);
}
END_TEST

START_TEST(nothing_is_submitted_before_the_flush_and_all_of_it_at_once)
{
    ring_rig_start(&rig, 1, 8, 32, 16);
    for (int i = 0; i < 5; i++)
        ring_rig_read(&rig, i, 0);
    ck_assert_uint_eq(rig.soft.submits, 0);
    ring_flush(&rig.ring);
    ck_assert_uint_eq(rig.soft.submits, 1);
    ck_assert_uint_eq(rig.soft.seen, 5);
    ring_rig_run(&rig);
    ck_assert_uint_eq(rig.soft.submits, 1);
}
END_TEST

START_TEST(short_results_are_gone_on_with)
{
    ring_rig_start(&rig, 7, 8, 32, 16);
    rig.soft.faults.shorten = 100;
    struct job *read = ring_rig_read(&rig, 0, 0);
    ring_rig_run(&rig);
    ring_rig_finished(&rig, read, 0);
    ck_assert_uint_eq(read->read.got, RING_RIG_WANT);
    ring_rig_bytes(&rig, 0);
    struct job *splice = ring_rig_splice(&rig, 1, 3, 0, RING_RIG_WANT);
    ring_rig_run(&rig);
    ring_rig_finished(&rig, splice, 0);
    ck_assert_uint_eq(splice->splice.got, RING_RIG_WANT);
    ring_rig_piped(&rig, splice);
    ck_assert_uint_ge(rig.ring.counts.resumed, 2);
}
END_TEST

START_TEST(the_end_of_the_file_ends_a_job_early)
{
    ring_rig_start(&rig, 1, 8, 32, 16);
    struct job *job = ring_rig_read(&rig, 0, rig.soft.file_size - 10);
    ring_rig_run(&rig);
    ring_rig_finished(&rig, job, 0);
    ck_assert_uint_eq(job->read.got, 10);
    struct job *beyond = ring_rig_splice(&rig, 1, 0, rig.soft.file_size, 1);
    ring_rig_run(&rig);
    ring_rig_finished(&rig, beyond, 0);
    ck_assert_uint_eq(beyond->splice.got, 0);
}
END_TEST

START_TEST(a_read_goes_on_where_somebody_else_stopped)
{
    ring_rig_start(&rig, 1, 8, 32, 16);
    rig.jobs[0].read.got = 400;
    struct job *job = ring_rig_read(&rig, 0, 0);
    ring_rig_run(&rig);
    ring_rig_finished(&rig, job, 0);
    ck_assert_uint_eq(job->read.got, RING_RIG_WANT);
    ck_assert_uint_eq(ring_rig_buffer(&rig, 0)[399], RING_RIG_EDGE);
    ck_assert_uint_eq(ring_rig_buffer(&rig, 0)[400], soft_byte(400));
}
END_TEST

START_TEST(an_error_of_the_file_is_the_jobs)
{
    ring_rig_start(&rig, 1, 8, 32, 16);
    rig.soft.faults.io_error = 100;
    struct job *job = ring_rig_read(&rig, 0, 0);
    ring_rig_run(&rig);
    ring_rig_finished(&rig, job, -EIO);
}
END_TEST

static const struct soft_faults ring_faults[] = {{.again = 100}, {.interrupt = 100}, {.invalid = 100}};

START_TEST(what_the_ring_cannot_do_goes_to_a_pool)
{
    ring_rig_start(&rig, 1, 8, 32, 16);
    rig.soft.faults = ring_faults[_i];
    struct job *job = ring_rig_read(&rig, 0, 0);
    ring_rig_run(&rig);
    ring_rig_unfit(&rig, job);
    ck_assert(ring_usable(&rig.ring));
}
END_TEST

START_TEST(a_passing_refusal_of_a_request_is_tried_again)
{
    ring_rig_start(&rig, 3, 8, 32, 16);
    rig.soft.faults.again = 100;
    struct job *job = ring_rig_read(&rig, 0, 0);
    ring_flush(&rig.ring);
    soft_ring_step(&rig.soft);
    rig.soft.faults.again = 0;
    ring_rig_run(&rig);
    ring_rig_finished(&rig, job, 0);
    ring_rig_bytes(&rig, 0);
}
END_TEST

START_TEST(a_full_submission_queue_holds_nothing_up)
{
    ring_rig_start(&rig, 1, 2, 64, 32);
    for (int i = 0; i < 20; i++)
        ring_rig_read(&rig, i, 0);
    ring_flush(&rig.ring);
    ck_assert_uint_eq(rig.soft.seen, 20);
    ring_rig_run(&rig);
    for (int i = 0; i < 20; i++)
        ck_assert_uint_eq(rig.jobs[i].read.got, RING_RIG_WANT);
}
END_TEST

START_TEST(no_more_than_the_budget_is_in_flight)
{
    ring_rig_start(&rig, 1, 64, 64, 6);
    for (int i = 0; i < 20; i++)
        ring_rig_read(&rig, i, 0);
    ring_rig_run(&rig);
    ck_assert_uint_eq(rig.soft.most_in_flight, 6);
    ck_assert_uint_eq(rig.ring.counts.full, 14);
    for (int i = 0; i < 20; i++)
        ck_assert_uint_eq(rig.jobs[i].read.got, RING_RIG_WANT);
}
END_TEST

START_TEST(a_cancelled_job_that_waits_is_never_started)
{
    ring_rig_start(&rig, 1, 8, 32, 1);
    ring_rig_read(&rig, 0, 0);
    struct job *job = ring_rig_read(&rig, 1, 0);
    ring_flush(&rig.ring);
    atomic_store(&job->cancelled, true);
    ring_rig_run(&rig);
    ck_assert_uint_eq(rig.soft.seen, 1);
    ck_assert_ptr_eq(joblist_pop(&rig.ring.finished), &rig.jobs[0]);
    ring_rig_finished(&rig, job, -ECANCELED);
    ck_assert_int_eq(job->started_ns, 0);
}
END_TEST

START_TEST(a_cancelled_job_in_flight_comes_back_but_is_not_gone_on_with)
{
    ring_rig_start(&rig, 1, 8, 32, 16);
    rig.soft.faults.shorten = 100;
    struct job *job = ring_rig_read(&rig, 0, 0);
    ring_flush(&rig.ring);
    atomic_store(&job->cancelled, true);
    ck_assert(!ring_reap(&rig.ring));
    ring_rig_run(&rig);
    ring_rig_finished(&rig, job, -ECANCELED);
    ck_assert_uint_eq(rig.soft.seen, 1);
}
END_TEST

START_TEST(deferred_completions_are_entered_for)
{
    ring_rig_start(&rig, 1, 8, 32, 16);
    rig.soft.deferred = true;
    struct job *job = ring_rig_read(&rig, 0, 0);
    ring_flush(&rig.ring);
    ck_assert(!ring_ready(&rig.ring));
    soft_ring_step(&rig.soft);
    ck_assert(ring_ready(&rig.ring));
    ring_rig_run(&rig);
    ring_rig_finished(&rig, job, 0);
    ck_assert(!ring_ready(&rig.ring));
}
END_TEST

START_TEST(close_gives_everything_back)
{
    ring_rig_start(&rig, 1, 8, 32, 2);
    for (int i = 0; i < 4; i++)
        ring_rig_read(&rig, i, 0);
    ring_flush(&rig.ring);
    ring_close(&rig.ring);
    ck_assert_ptr_eq(joblist_pop(&rig.ring.finished), &rig.jobs[2]);
    ring_rig_finished(&rig, &rig.jobs[3], -ECANCELED);
    ring_rig_run(&rig);
    ck_assert_uint_eq(rig.ring.in_flight, 0);
    ck_assert_ptr_nonnull(joblist_pop(&rig.ring.finished));
    ck_assert_ptr_nonnull(joblist_pop(&rig.ring.finished));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("ring");
    TCase *tcase = tcase_create("ring");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_read_brings_its_bytes);
    tcase_add_test(tcase, a_splice_fills_its_pipe);
    tcase_add_test(tcase, nothing_is_submitted_before_the_flush_and_all_of_it_at_once);
    tcase_add_test(tcase, short_results_are_gone_on_with);
    tcase_add_test(tcase, the_end_of_the_file_ends_a_job_early);
    tcase_add_test(tcase, a_read_goes_on_where_somebody_else_stopped);
    tcase_add_test(tcase, an_error_of_the_file_is_the_jobs);
    tcase_add_loop_test(tcase, what_the_ring_cannot_do_goes_to_a_pool, 0, 3);
    tcase_add_test(tcase, a_passing_refusal_of_a_request_is_tried_again);
    tcase_add_test(tcase, a_full_submission_queue_holds_nothing_up);
    tcase_add_test(tcase, no_more_than_the_budget_is_in_flight);
    tcase_add_test(tcase, a_cancelled_job_that_waits_is_never_started);
    tcase_add_test(tcase, a_cancelled_job_in_flight_comes_back_but_is_not_gone_on_with);
    tcase_add_test(tcase, deferred_completions_are_entered_for);
    tcase_add_test(tcase, close_gives_everything_back);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
