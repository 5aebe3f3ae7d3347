/* A ring whose kernel misbehaves. */
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

START_TEST(a_submit_that_fails_for_now_is_repeated)
{
    ring_rig_start(&rig, 1, 8, 32, 16);
    rig.soft.submit_error = _i ? -EBUSY : -EAGAIN;
    struct job *job = ring_rig_read(&rig, 0, 0);
    ring_flush(&rig.ring);
    ck_assert(ring_stuck(&rig.ring)); /* no completion will come: the loop must not sleep */
    rig.soft.submit_error = 0;
    ring_flush(&rig.ring);
    ck_assert(!ring_stuck(&rig.ring));
    ring_rig_run(&rig);
    ring_rig_finished(&rig, job, 0);
}
END_TEST

START_TEST(a_submit_that_fails_for_good_is_given_up)
{
    ring_rig_start(&rig, 1, 8, 32, 16);
    rig.soft.submit_error = -EAGAIN;
    struct job *job = ring_rig_read(&rig, 0, 0);
    for (int i = 0; i < 1000 && ring_usable(&rig.ring); i++)
        ring_flush(&rig.ring);
    ck_assert(!ring_usable(&rig.ring));
    ck_assert(!ring_stuck(&rig.ring));
    ring_rig_unfit(&rig, job);
}
END_TEST

START_TEST(after_a_break_down_pools_take_over_and_what_is_in_flight_still_ends)
{
    ring_rig_start(&rig, 1, 8, 32, 16);
    rig.soft.faults.shorten = _i ? 100 : 0;
    ring_rig_read(&rig, 0, 0);
    ring_flush(&rig.ring);
    rig.soft.submit_error = -EFAULT;
    ring_rig_read(&rig, 1, 0);
    ring_rig_read(&rig, 2, 0);
    ring_flush(&rig.ring);
    ck_assert(!ring_usable(&rig.ring));
    ck_assert_int_eq(rig.ring.broken, -EFAULT);
    ck_assert_ptr_eq(joblist_pop(&rig.ring.unfit), &rig.jobs[1]);
    ck_assert_ptr_eq(joblist_pop(&rig.ring.unfit), &rig.jobs[2]);
    ck_assert_ptr_null(rig.ring.unfit.head);
    ck_assert_uint_eq(rig.ring.in_flight, 1);
    ring_rig_run(&rig);
    if (_i) {
        ring_rig_unfit(&rig, &rig.jobs[0]); /* the rest of it */
        ck_assert_uint_lt(rig.jobs[0].read.got, RING_RIG_WANT);
    } else {
        ring_rig_finished(&rig, &rig.jobs[0], 0);
    }
    ring_rig_bytes(&rig, 0);
}
END_TEST

START_TEST(a_break_down_spares_no_job_that_waits)
{
    ring_rig_start(&rig, 1, 8, 32, 3);
    for (int i = 0; i < 5; i++)
        ring_rig_read(&rig, i, 0);
    rig.soft.submit_most = 1;
    ring_flush(&rig.ring); /* one in flight, two prepared, two without a slot */
    rig.soft.submit_error = -EFAULT;
    ring_flush(&rig.ring);
    for (int i = 1; i < 5; i++)
        ck_assert_ptr_eq(joblist_pop(&rig.ring.unfit), &rig.jobs[i]);
    ck_assert_ptr_null(rig.ring.unfit.head);
    ring_rig_run(&rig);
    ring_rig_finished(&rig, &rig.jobs[0], 0);
}
END_TEST

START_TEST(a_kernel_that_cannot_be_entered_does_not_keep_the_loop_awake)
{
    ring_rig_start(&rig, 1, 8, 32, 16);
    rig.soft.deferred = true;
    rig.soft.enter_error = -EBADR;
    ring_rig_read(&rig, 0, 0);
    ring_flush(&rig.ring);
    soft_ring_step(&rig.soft);
    ck_assert(!ring_reap(&rig.ring));
    ck_assert(!ring_usable(&rig.ring));
    ck_assert(!ring_ready(&rig.ring));
    rig.soft.deferred = false; /* so that the last completion comes after all */
    rig.soft.enter_error = 0;
    rig.soft.driver.class->enter(&rig.soft.driver);
    ck_assert(ring_reap(&rig.ring));
    ring_rig_finished(&rig, &rig.jobs[0], 0);
}
END_TEST

START_TEST(an_overflowing_completion_queue_loses_nothing)
{
    ring_rig_start(&rig, 1, 32, 4, 32);
    for (int i = 0; i < 30; i++)
        ring_rig_read(&rig, i, (uint64_t)i);
    ring_rig_run(&rig);
    ck_assert_uint_ge(rig.ring.counts.overflows, 1);
    for (int i = 0; i < 30; i++) {
        ck_assert_uint_eq(rig.jobs[i].read.got, RING_RIG_WANT);
        ring_rig_bytes(&rig, i);
    }
}
END_TEST

START_TEST(a_completion_that_comes_twice_ends_one_job)
{
    ring_rig_start(&rig, 1, 8, 64, 16);
    struct job *first = ring_rig_read(&rig, 0, 0);
    ring_flush(&rig.ring);
    struct ring_completion again = {rig.soft.held[0].user_data, RING_RIG_WANT};
    ring_rig_run(&rig);
    ring_rig_finished(&rig, first, 0);
    struct job *second = ring_rig_read(&rig, 1, 0); /* in the same slot */
    ring_flush(&rig.ring);
    rig.soft.ready[rig.soft.ready_count++] = again;
    ck_assert(ring_reap(&rig.ring));
    ck_assert_ptr_null(rig.ring.finished.head);
    ring_rig_run(&rig);
    ring_rig_finished(&rig, second, 0);
    ring_rig_bytes(&rig, 1);
}
END_TEST

/* Takes the jobs of a list, marks each as seen, and checks what it claims to have done. */
static unsigned check_list(struct joblist *list, bool *seen, bool unfit) {
    unsigned count = 0;
    for (struct job *job; (job = joblist_pop(list)); count++) {
        int i = (int)(job - rig.jobs);
        ck_assert(!seen[i]);
        seen[i] = true;
        size_t want = job->kind == JOB_READ ? job->read.want : job->splice.want;
        size_t got = job->kind == JOB_READ ? job->read.got : job->splice.got;
        if (!unfit && job->error == 0)
            ck_assert_uint_eq(got, want);
        else if (!unfit)
            ck_assert(job->error == -EIO || job->error == -ECANCELED);
        if (job->kind == JOB_READ)
            ring_rig_bytes(&rig, i);
        else
            ring_rig_piped(&rig, job);
    }
    return count;
}

START_TEST(whatever_happens_every_job_comes_back_once_with_the_right_bytes)
{
    bool seen[RING_RIG_JOBS] = {false};
    unsigned count = 0;
    ring_rig_start(&rig, (uint64_t)_i + 1, 1 + (unsigned)_i % 8, 2 + (unsigned)_i % 16,
                   4 + (unsigned)_i % 30);
    rig.soft.deferred = _i & 1;
    rig.soft.faults = (struct soft_faults){.shorten = 40,
                                           .again = 10,
                                           .interrupt = 10,
                                           .invalid = 3,
                                           .io_error = 3,
                                           .repeat = 5,
                                           .refuse = 20,
                                           .partial = 30,
                                           .delay = 30};
    for (int i = 0; i < RING_RIG_JOBS || rig.ring.in_flight || rig.ring.backlog.head;) {
        for (unsigned n = soft_ring_random(&rig.soft, 8); n > 0 && i < RING_RIG_JOBS; n--, i++) {
            if (i < SOFT_PIPES)
                ring_rig_splice(&rig, i, i, (uint64_t)i * 10, RING_RIG_WANT);
            else
                ring_rig_read(&rig, i, (uint64_t)i * 10);
            atomic_store(&rig.jobs[i].cancelled, soft_ring_random(&rig.soft, 20) == 0);
        }
        ring_flush(&rig.ring);
        if (soft_ring_random(&rig.soft, 3))
            soft_ring_step(&rig.soft);
        while (ring_reap(&rig.ring))
            continue;
        count += check_list(&rig.ring.finished, seen, false);
        count += check_list(&rig.ring.unfit, seen, true);
    }
    ck_assert(ring_usable(&rig.ring));
    ck_assert_uint_eq(count, RING_RIG_JOBS);
    ck_assert_uint_le(rig.soft.most_in_flight,
                      2 * rig.soft.driver.budget); /* repeated completions count, too */
}
END_TEST

int main(void) {
    Suite *suite = suite_create("ring faults");
    TCase *tcase = tcase_create("ring faults");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, a_submit_that_fails_for_now_is_repeated, 0, 2);
    tcase_add_test(tcase, a_submit_that_fails_for_good_is_given_up);
    tcase_add_loop_test(tcase, after_a_break_down_pools_take_over_and_what_is_in_flight_still_ends, 0, 2);
    tcase_add_test(tcase, a_break_down_spares_no_job_that_waits);
    tcase_add_test(tcase, a_kernel_that_cannot_be_entered_does_not_keep_the_loop_awake);
    tcase_add_test(tcase, an_overflowing_completion_queue_loses_nothing);
    tcase_add_test(tcase, a_completion_that_comes_twice_ends_one_job);
    tcase_add_loop_test(tcase, whatever_happens_every_job_comes_back_once_with_the_right_bytes, 0, 200);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
