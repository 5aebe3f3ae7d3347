/* Bounds, cancelling, waking, draining: what the loop relies on around the jobs. */
#include "tests/unit/offload_rig.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct offload_rig rig;

static void setup(void) {
    offload_rig_setup(&rig);
}

static void teardown(void) {
    offload_rig_teardown(&rig);
}

START_TEST(past_the_turns_budget_jobs_are_handed_on)
{
    rig.settings.spot_budget = _i ? 1e-9 : 0;
    offload_rig_start(&rig, &offload_modes[OFFLOAD_MODE_AUTO]);
    offload_turn(rig.offload);
    for (int i = 0; i < 50; i++)
        offload_submit(rig.offload, offload_rig_open(&rig, "file"));
    unsigned pooled = 0;
    for (int i = 0; i < 50; i++) {
        struct job *job = offload_rig_next(&rig);
        ck_assert_int_eq(job->error, 0);
        pooled += job->where == JOB_POOL;
        close(job->open.fd);
        offload_release(rig.offload, job);
    }
    ck_assert_uint_ge(pooled, _i ? 1 : 50);
    ck_assert_uint_ge(offload_stats(rig.offload)->spot_over_budget, _i ? 1 : 50);
}
END_TEST

START_TEST(no_more_jobs_than_the_queue_depth)
{
    struct job *jobs[4];
    rig.settings.queue_depth = 4;
    offload_rig_start(&rig, &offload_modes[_i]);
    for (int i = 0; i < 4; i++)
        jobs[i] = offload_rig_job(&rig, JOB_OPEN, JOB_POOL_FILES);
    ck_assert_ptr_null(offload_job(rig.offload, JOB_OPEN, JOB_POOL_FILES));
    ck_assert_uint_eq(offload_stats(rig.offload)->jobs_refused, 1);
    ck_assert_uint_eq(offload_stats(rig.offload)->jobs_open, 4);
    offload_release(rig.offload, offload_rig_job(&rig, JOB_CALL, JOB_POOL_HANDLERS));
    offload_cancel(rig.offload, jobs[2]);
    snprintf(jobs[2]->open.path, sizeof jobs[2]->open.path, "old");
    offload_release(rig.offload, jobs[2]);
    ck_assert_ptr_eq(offload_job(rig.offload, JOB_OPEN, JOB_POOL_FILES), jobs[2]);
    ck_assert(!atomic_load(&jobs[2]->cancelled));
    ck_assert_str_eq(jobs[2]->open.path, "");
    for (int i = 0; i < 4; i++)
        offload_release(rig.offload, jobs[i]);
}
END_TEST

START_TEST(handlers_leave_room_for_files)
{
    struct job *jobs[2];
    rig.settings.queue_depth = 2;
    offload_rig_start(&rig, &offload_modes[_i]);
    for (int i = 0; i < 2; i++)
        jobs[i] = offload_rig_job(&rig, JOB_CALL, JOB_POOL_HANDLERS);
    ck_assert_ptr_null(offload_job(rig.offload, JOB_CALL, JOB_POOL_HANDLERS));
    offload_release(rig.offload, offload_rig_job(&rig, JOB_WRITE, JOB_POOL_FILES));
    for (int i = 0; i < 2; i++)
        offload_release(rig.offload, jobs[i]);
    offload_release(rig.offload, offload_rig_job(&rig, JOB_CALL, JOB_POOL_HANDLERS));
}
END_TEST

/* A loop that is busy elsewhere finds a bounded number of new descriptors when it comes back. */
START_TEST(opens_do_not_run_ahead_of_the_loop)
{
    enum { WAIT = 100, ALL = OFFLOAD_OPENS + WAIT };
    const struct offload_stats *stats;
    rig.settings.queue_depth = ALL;
    offload_rig_start(&rig, &offload_modes[OFFLOAD_MODE_ALWAYS]);
    for (int i = 0; i < ALL; i++)
        offload_submit(rig.offload, offload_rig_open(&rig, "file"));
    offload_flush(rig.offload);
    while (stats = offload_stats(rig.offload), stats->files_queued > WAIT || stats->files_busy > 0)
        sched_yield();
    ck_assert_uint_eq(stats->files_queued, WAIT);
    for (int i = 0; i < ALL; i++) {
        struct job *job = offload_rig_next(&rig);
        ck_assert_int_eq(job->error, 0);
        close(job->open.fd);
        offload_release(rig.offload, job);
    }
    ck_assert_uint_eq(offload_stats(rig.offload)->files_queued, 0);
}
END_TEST

START_TEST(a_job_that_is_done_may_go_on_with_another)
{
    rig.settings.queue_depth = 1;
    offload_rig_start(&rig, &offload_modes[_i]);
    struct job *first = offload_rig_open(&rig, "file");
    offload_submit(rig.offload, first);
    ck_assert_ptr_eq(offload_rig_next(&rig), first);
    close(first->open.fd);
    struct job *second = offload_job(rig.offload, JOB_OPEN, JOB_POOL_FILES);
    ck_assert_ptr_nonnull(second);
    ck_assert_ptr_null(offload_job(rig.offload, JOB_OPEN, JOB_POOL_FILES));
    offload_release(rig.offload, first);
    ck_assert_ptr_null(offload_job(rig.offload, JOB_OPEN, JOB_POOL_FILES));
    offload_release(rig.offload, second);
}
END_TEST

START_TEST(a_cancelled_job_is_not_started)
{
    rig.settings.pool = 1;
    offload_rig_start(&rig, &offload_modes[_i]);
    struct job *slow = offload_rig_call(&rig, JOB_POOL_FILES, offload_rig_hang),
               *queued = offload_rig_call(&rig, JOB_POOL_FILES, offload_rig_count_run);
    struct job *unsubmitted = offload_rig_open(&rig, "file");
    offload_submit(rig.offload, slow);
    offload_submit(rig.offload, queued);
    offload_flush(rig.offload);
    sem_wait(&offload_rig_calls.started);
    offload_cancel(rig.offload, queued);
    offload_cancel(rig.offload, unsubmitted);
    offload_submit(rig.offload, unsubmitted);
    ck_assert_ptr_eq(offload_rig_next(&rig), unsubmitted);
    ck_assert_int_eq(unsubmitted->error, -ECANCELED);
    ck_assert_int_eq(unsubmitted->open.fd, -1);
    sem_post(&offload_rig_calls.go_on);
    ck_assert_ptr_eq(offload_rig_next(&rig), slow);
    ck_assert_ptr_eq(offload_rig_next(&rig), queued);
    ck_assert_int_eq(queued->error, -ECANCELED);
    ck_assert_uint_eq(atomic_load(&offload_rig_calls.runs), 1);
    ck_assert_uint_eq(offload_stats(rig.offload)->jobs_dropped, 2);
    offload_release(rig.offload, slow);
    offload_release(rig.offload, queued);
    offload_release(rig.offload, unsubmitted);
}
END_TEST

START_TEST(pools_do_not_starve_each_other)
{
    offload_rig_start(&rig, &offload_modes[_i]);
    struct job *slow = offload_rig_call(&rig, JOB_POOL_NAMES, offload_rig_hang),
               *slower = offload_rig_call(&rig, JOB_POOL_HANDLERS, offload_rig_hang);
    offload_submit(rig.offload, slow);
    offload_submit(rig.offload, slower);
    offload_flush(rig.offload);
    sem_wait(&offload_rig_calls.started);
    sem_wait(&offload_rig_calls.started);
    offload_rig_opens(&rig, &offload_modes[_i]);
    offload_rig_reads(&rig, &offload_modes[_i]);
    ck_assert_uint_eq(offload_stats(rig.offload)->handlers_busy, 1);
    sem_post(&offload_rig_calls.go_on);
    sem_post(&offload_rig_calls.go_on);
    offload_release(rig.offload, offload_rig_next(&rig));
    offload_release(rig.offload, offload_rig_next(&rig));
}
END_TEST

START_TEST(the_eventfd_announces_what_reaping_does_not_look_for)
{
    offload_rig_start(&rig, &offload_modes[_i]);
    ck_assert(offload_modes[_i].eventfd_only);
    struct job *job = offload_rig_call(&rig, JOB_POOL_FILES, offload_rig_count_run);
    struct pollfd wake = {.fd = offload_eventfd(rig.offload), .events = POLLIN};
    ck_assert_ptr_null(offload_reap(rig.offload)); /* arms it */
    ck_assert_int_eq(poll(&wake, 1, 0), 0);
    offload_submit(rig.offload, job);
    offload_flush(rig.offload);
    ck_assert_int_eq(poll(&wake, 1, -1), 1);
    ck_assert_ptr_null(offload_reap(rig.offload));
    offload_drain_eventfd(rig.offload);
    ck_assert_ptr_eq(offload_reap(rig.offload), job);
    ck_assert_int_eq(poll(&wake, 1, 0), 0);
    offload_release(rig.offload, job);
}
END_TEST

START_TEST(sleep_leaves_nothing_behind)
{
    offload_rig_start(&rig, &offload_modes[_i]);
    struct job *job = offload_rig_call(&rig, JOB_POOL_FILES, offload_rig_count_run);
    struct pollfd wake = {.fd = offload_eventfd(rig.offload), .events = POLLIN};
    ck_assert_ptr_null(offload_reap(rig.offload));
    offload_submit(rig.offload, job); /* and no flush */
    struct job *back;
    while (!(back = offload_reap(rig.offload))) { /* a wake for nothing is allowed, a lost one hangs here */
        if (offload_sleep(rig.offload)) {
            ck_assert_int_eq(poll(&wake, 1, -1), 1);
            offload_drain_eventfd(rig.offload);
        }
        offload_wake(rig.offload);
    }
    ck_assert_ptr_eq(back, job);
    offload_release(rig.offload, job);
}
END_TEST

START_TEST(a_loop_with_work_left_does_not_sleep)
{
    offload_rig_start(&rig, &offload_modes[OFFLOAD_MODE_AUTO]);
    struct job *job = offload_rig_open(&rig, "missing");
    offload_rig_do(&rig, job); /* now it is known to be missing */
    offload_submit(rig.offload, job);
    if (offload_rig_on_disk(&rig))
        ck_assert(!offload_sleep(rig.offload));
    ck_assert_ptr_eq(offload_rig_next(&rig), job);
    ck_assert_int_eq(job->error, -ENOENT);
    offload_release(rig.offload, job);
    ck_assert(offload_sleep(rig.offload));
    offload_wake(rig.offload);
}
END_TEST

START_TEST(drain_cancels_what_waits_and_gives_everything_back)
{
    rig.settings.pool = 1;
    offload_rig_start(&rig, &offload_modes[_i]);
    struct job *slow = offload_rig_call(&rig, JOB_POOL_FILES, offload_rig_hang),
               *late = offload_rig_call(&rig, JOB_POOL_FILES, offload_rig_count_run);
    offload_submit(rig.offload, slow);
    offload_flush(rig.offload);
    sem_wait(&offload_rig_calls.started);
    offload_submit(rig.offload, offload_rig_call(&rig, JOB_POOL_FILES, offload_rig_count_run));
    offload_flush(rig.offload);
    offload_submit(rig.offload, offload_rig_call(&rig, JOB_POOL_NAMES, offload_rig_count_run));
    offload_submit(rig.offload, offload_rig_read(&rig, 0, OFFLOAD_RIG_CHUNK));
    ck_assert(!offload_drain(rig.offload, 0));
    ck_assert_ptr_null(offload_job(rig.offload, JOB_OPEN, JOB_POOL_FILES));
    sem_post(&offload_rig_calls.go_on);
    ck_assert(offload_drain(rig.offload, 60));
    offload_submit(rig.offload, late);
    for (int i = 0; i < 5; i++) {
        struct job *job = offload_reap(rig.offload);
        ck_assert_ptr_nonnull(job);
        if (job->kind == JOB_CALL)
            ck_assert_int_eq(job->error, job == slow ? 0 : -ECANCELED);
        offload_release(rig.offload, job);
    }
    ck_assert_ptr_null(offload_reap(rig.offload));
    ck_assert_uint_eq(atomic_load(&offload_rig_calls.runs), 1);
}
END_TEST

static int count_fds(void) {
    int count = 0;
    DIR *fds = opendir("/proc/self/fd");
    while (readdir(fds))
        count++;
    closedir(fds);
    return count;
}

START_TEST(every_descriptor_is_announced_and_closed)
{
    int before = count_fds();
    offload_rig_start(&rig, &offload_modes[_i]);
    ck_assert_int_eq(count_fds(), before + rig.fds_opened);
    ck_assert_int_eq(rig.fds_opened, 1 + 2 * 3 + offload_rig_has_ring(&rig));
    offload_rig_everything(&rig, &offload_modes[_i]);
    ck_assert_int_eq(count_fds(), before + rig.fds_opened);
    offload_submit(rig.offload, offload_rig_open(&rig, "file")); /* never reaped */
    offload_flush(rig.offload);
    offload_stop(rig.offload, 60);
    rig.offload = NULL;
    ck_assert_int_eq(count_fds(), before);
    ck_assert_int_eq(rig.fds_opened, rig.fds_closed);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("offload bounds");
    TCase *tcase = tcase_create("offload bounds");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, past_the_turns_budget_jobs_are_handed_on, 0, 2);
    tcase_add_loop_test(tcase, no_more_jobs_than_the_queue_depth, 0, OFFLOAD_MODES);
    tcase_add_loop_test(tcase, handlers_leave_room_for_files, 0, OFFLOAD_MODES);
    tcase_add_test(tcase, opens_do_not_run_ahead_of_the_loop);
    tcase_add_loop_test(tcase, a_job_that_is_done_may_go_on_with_another, 0, OFFLOAD_MODES);
    tcase_add_loop_test(tcase, a_cancelled_job_is_not_started, 0, OFFLOAD_MODES);
    tcase_add_loop_test(tcase, pools_do_not_starve_each_other, 0, OFFLOAD_MODES);
    tcase_add_loop_test(tcase, the_eventfd_announces_what_reaping_does_not_look_for, OFFLOAD_EVENTFD_MODES,
                        OFFLOAD_MODES);
    tcase_add_loop_test(tcase, sleep_leaves_nothing_behind, 0, OFFLOAD_MODES);
    tcase_add_test(tcase, a_loop_with_work_left_does_not_sleep);
    tcase_add_loop_test(tcase, drain_cancels_what_waits_and_gives_everything_back, 0, OFFLOAD_MODES);
    tcase_add_loop_test(tcase, every_descriptor_is_announced_and_closed, 0, OFFLOAD_MODES);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
