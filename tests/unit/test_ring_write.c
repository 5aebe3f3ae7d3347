/* Writes on the ring: what is reported as done is on the disk, and a failure is reported as what it was. */
#include "tests/unit/ring_rig.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SEEDS 2000
#define SIZE  100

static struct ring_rig rig;

static void setup(void) {
    ring_rig_setup(&rig);
}

static void teardown(void) {
    ring_rig_teardown(&rig);
}

/* Job i writes SIZE bytes of its own at i * SIZE. */
static struct job *submit_write(int i, bool sync) {
    struct job *job = &rig.jobs[i];
    job->kind = JOB_WRITE;
    job->write.offset = (uint64_t)i * SIZE;
    job->write.want = SIZE;
    job->write.buffer = ring_rig_buffer(&rig, i);
    job->write.sync = sync;
    memset(ring_rig_buffer(&rig, i), 'a' + i, SIZE);
    ring_submit(&rig.ring, job);
    return job;
}

static bool is_in(const unsigned char *file, int i) {
    for (int at = i * SIZE; at < (i + 1) * SIZE; at++)
        if (file[at] != 'a' + i)
            return false;
    return true;
}

START_TEST(a_write_is_on_the_disk_when_it_is_done)
{
    ring_rig_start(&rig, 1, 8, 32, 16);
    struct job *job = submit_write(0, true);
    ring_rig_run(&rig);
    ring_rig_finished(&rig, job, 0);
    ck_assert_uint_eq(job->write.got, SIZE);
    ck_assert(is_in(rig.soft.disk, 0));
    ck_assert_uint_eq(rig.soft.submits, 1);
    ck_assert_uint_eq(rig.soft.syncs, 1);
}
END_TEST

START_TEST(without_sync_it_is_only_written)
{
    ring_rig_start(&rig, 1, 8, 32, 16);
    struct job *job = submit_write(0, false);
    ring_rig_run(&rig);
    ring_rig_finished(&rig, job, 0);
    ck_assert(is_in(rig.soft.cache, 0));
    ck_assert_uint_eq(rig.soft.syncs, 0);
}
END_TEST

START_TEST(a_failed_sync_is_final)
{
    static const int errors[] = {-EIO, -ENOSPC, -EINTR, -EAGAIN, -EINVAL, -ENOMEM, -EOPNOTSUPP};
    ring_rig_start(&rig, 1, 8, 32, 16);
    rig.soft.sync_error = errors[_i];
    struct job *job = submit_write(0, true);
    ring_rig_run(&rig);
    ring_rig_finished(&rig, job, errors[_i]);
    ck_assert(job->write.sync_failed);
    ck_assert_uint_eq(rig.soft.syncs, 1);
}
END_TEST

START_TEST(a_failed_write_is_no_failed_sync)
{
    static const int errors[] = {-EIO, -ENOSPC, -EDQUOT};
    ring_rig_start(&rig, 1, 8, 32, 16);
    rig.soft.write_error = errors[_i];
    struct job *job = submit_write(0, true);
    ring_rig_run(&rig);
    ring_rig_finished(&rig, job, errors[_i]);
    ck_assert(!job->write.sync_failed);
    ck_assert_uint_eq(rig.soft.syncs, 0);
}
END_TEST

START_TEST(what_the_ring_cannot_write_a_pool_may)
{
    ring_rig_start(&rig, 1, 8, 32, 16);
    rig.soft.write_error = -EOPNOTSUPP;
    struct job *job = submit_write(0, true);
    ring_rig_run(&rig);
    ring_rig_unfit(&rig, job);
    ck_assert_uint_eq(rig.soft.syncs, 0);
}
END_TEST

/* One submit takes the write, the next one its sync, which then does not wait for it. */
START_TEST(a_sync_that_came_too_early_is_done_again)
{
    ring_rig_start(&rig, 1, 8, 32, 16);
    rig.soft.submit_most = 1;
    struct job *job = submit_write(0, true);
    ring_rig_run(&rig);
    ring_rig_finished(&rig, job, 0);
    ck_assert(is_in(rig.soft.disk, 0));
    ck_assert_uint_ge(rig.soft.syncs, 2);
}
END_TEST

START_TEST(two_requests_never_exceed_the_budget)
{
    ring_rig_start(&rig, 1, 8, 8, 3);
    for (int i = 0; i < 5; i++)
        submit_write(i, true);
    ring_rig_run(&rig);
    ck_assert_uint_le(rig.soft.most_in_flight, 3);
    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(rig.jobs[i].error, 0);
        ck_assert(is_in(rig.soft.disk, i));
    }
}
END_TEST

START_TEST(after_a_break_down_every_write_comes_back_once)
{
    ring_rig_start(&rig, 1, 8, 32, 16);
    rig.soft.submit_most = (unsigned)_i;
    submit_write(0, true);
    submit_write(1, true);
    ring_flush(&rig.ring);
    rig.soft.submit_error = -EFAULT;
    submit_write(2, true);
    ring_flush(&rig.ring);
    ck_assert(!ring_usable(&rig.ring));
    ring_rig_run(&rig);
    unsigned came = 0;
    for (struct job *job; (job = joblist_pop(&rig.ring.finished)); came++)
        ck_assert(job->error == 0 && is_in(rig.soft.disk, (int)(job - rig.jobs)));
    while (joblist_pop(&rig.ring.unfit))
        came++;
    ck_assert_uint_eq(came, 3);
}
END_TEST

START_TEST(no_schedule_makes_a_lie_of_done)
{
    struct soft_faults all = {.shorten = 20,
                              .again = 10,
                              .interrupt = 10,
                              .invalid = 2,
                              .io_error = 2,
                              .repeat = 10,
                              .refuse = 10,
                              .partial = 50,
                              .delay = 30};
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        memset(rig.jobs, 0, 20 * sizeof(*rig.jobs));
        ring_rig_start(&rig, seed, 6, 64, 16);
        rig.soft.faults = all;
        rig.soft.deferred = seed % 2;
        for (int i = 0; i < 20; i++)
            submit_write(i, i % 4 != 0);
        ring_rig_run(&rig);
        unsigned came = 0;
        for (struct job *job; (job = joblist_pop(&rig.ring.finished)); came++) {
            const unsigned char *file = job->write.sync ? rig.soft.disk : rig.soft.cache;
            ck_assert(job->error == -EIO || (job->error == 0 && is_in(file, (int)(job - rig.jobs))));
        }
        while (joblist_pop(&rig.ring.unfit))
            came++;
        ck_assert_uint_eq(came, 20);
        if (seed < SEEDS)
            ring_free(&rig.ring);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("ring write");
    TCase *tests = tcase_create("all");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, a_write_is_on_the_disk_when_it_is_done);
    tcase_add_test(tests, without_sync_it_is_only_written);
    tcase_add_loop_test(tests, a_failed_sync_is_final, 0, 7);
    tcase_add_loop_test(tests, a_failed_write_is_no_failed_sync, 0, 3);
    tcase_add_test(tests, what_the_ring_cannot_write_a_pool_may);
    tcase_add_test(tests, a_sync_that_came_too_early_is_done_again);
    tcase_add_test(tests, two_requests_never_exceed_the_budget);
    tcase_add_loop_test(tests, after_a_break_down_every_write_comes_back_once, 0, 5);
    tcase_add_test(tests, no_schedule_makes_a_lie_of_done);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
