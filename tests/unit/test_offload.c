/* Every kind of job, in every mode. */
#include "tests/unit/offload_rig.h"

#include <check.h>
#include <errno.h>
#include <liburing.h>
#include <string.h>
#include <unistd.h>

static struct offload_rig rig;

static void setup(void) {
    offload_rig_setup(&rig);
}

static void teardown(void) {
    offload_rig_teardown(&rig);
}

START_TEST(every_kind_of_job_in_every_mode)
{
    offload_rig_start(&rig, &offload_modes[_i]);
    for (int round = 0; round < 20; round++)
        offload_rig_everything(&rig, &offload_modes[_i]);
    struct offload_stats *stats = offload_stats(rig.offload);
    ck_assert_uint_eq(stats->jobs_spot + stats->jobs_pool + stats->jobs_ring, 20 * OFFLOAD_RIG_JOBS);
    if (offload_modes[_i].offload == OFFLOAD_ALWAYS)
        ck_assert_uint_eq(stats->jobs_spot, 0);
}
END_TEST

START_TEST(many_jobs_at_once_in_every_mode)
{
    enum { EACH = 30 };
    static char buffers[EACH][1000];
    rig.settings.uring_entries = 2;
    offload_rig_start(&rig, &offload_modes[_i]);
    for (int i = 0; i < EACH; i++) {
        struct job *job = offload_rig_read(&rig, (uint64_t)i * 999, sizeof buffers[i]);
        job->read.buffer = buffers[i];
        offload_submit(rig.offload, job);
        offload_submit(rig.offload, offload_rig_open(&rig, "file"));
        offload_submit(rig.offload, offload_rig_call(&rig, JOB_POOL_HANDLERS, offload_rig_count_run));
    }
    for (int i = 0; i < 3 * EACH; i++) {
        struct job *job = offload_rig_next(&rig);
        ck_assert_int_eq(job->error, 0);
        if (job->kind == JOB_OPEN)
            close(job->open.fd);
        offload_release(rig.offload, job);
    }
    for (size_t i = 0; i < EACH; i++)
        ck_assert(offload_rig_is_pattern(buffers[i], i * 999, sizeof buffers[i]));
    ck_assert_uint_eq(atomic_load(&offload_rig_calls.runs), EACH);
}
END_TEST

START_TEST(what_needs_no_sleep_is_done_on_the_spot)
{
    offload_rig_start(&rig, &offload_modes[OFFLOAD_MODE_AUTO]);
    offload_rig_everything(&rig, &offload_modes[OFFLOAD_MODE_AUTO]); /* warms names up */
    if (offload_rig_on_disk(&rig)) {
        struct job *job = offload_rig_open(&rig, "file");
        ck_assert_int_eq(offload_rig_do(&rig, job), JOB_SPOT);
        close(job->open.fd);
        offload_release(rig.offload, job);
        job = offload_rig_read(&rig, 0, 16384);
        ck_assert_int_eq(offload_rig_do(&rig, job), JOB_SPOT);
        offload_release(rig.offload, job);
        ck_assert_uint_ge(offload_stats(rig.offload)->jobs_spot, 2);
    }
}
END_TEST

START_TEST(without_a_ring_resident_chunks_are_read_on_the_spot)
{
    offload_rig_start(&rig, &offload_modes[OFFLOAD_MODE_AUTO_NO_RING]);
    if (offload_rig_on_disk(&rig)) {
        struct job *job = offload_rig_read(&rig, 0, OFFLOAD_RIG_CHUNK);
        ck_assert_int_eq(offload_rig_do(&rig, job), JOB_SPOT);
        offload_rig_pattern(&rig, 0, OFFLOAD_RIG_CHUNK);
        offload_release(rig.offload, job);
    }
}
END_TEST

/* The kernel's word, apart from ours, on whether there is io_uring as we need it (5.15). */
static bool kernel_has_ring(void) {
    struct io_uring uring;
    if (io_uring_queue_init(2, &uring, 0) != 0)
        return false;
    unsigned workers[2] = {0, 0};
    bool capped = io_uring_register_iowq_max_workers(&uring, workers) == 0;
    io_uring_queue_exit(&uring);
    return capped;
}

START_TEST(a_ring_that_is_required_is_there_and_used)
{
    static const struct offload_mode require = {OFFLOAD_ALWAYS, URING_REQUIRE, false};
    if (kernel_has_ring()) {
        offload_rig_start(&rig, &require);
        ck_assert(offload_rig_has_ring(&rig));
        offload_rig_everything(&rig, &require);
        ck_assert_uint_eq(offload_stats(rig.offload)->jobs_ring, OFFLOAD_RIG_TRANSFERS);
        ck_assert_uint_eq(offload_stats(rig.offload)->ring_time.count, OFFLOAD_RIG_TRANSFERS);
    } else {
        ck_assert_int_lt(offload_rig_try(&rig, &require), 0);
        ck_assert_str_ne(rig.why, "");
    }
}
END_TEST

START_TEST(pipes_are_few_and_never_hand_on_bytes)
{
    struct pipe_pair *pipes[3];
    offload_rig_start(&rig, &offload_modes[OFFLOAD_MODE_AUTO]);
    for (int i = 0; i < 3; i++)
        ck_assert_ptr_nonnull(pipes[i] = offload_pipe(rig.offload));
    ck_assert_ptr_null(offload_pipe(rig.offload));
    ck_assert_uint_eq(offload_stats(rig.offload)->pipes_free, 0);
    ck_assert_int_eq(write(pipes[1]->write_end, "left over", 9), 9);
    offload_pipe_release(rig.offload, pipes[1], false);
    struct pipe_pair *again = offload_pipe(rig.offload);
    ck_assert_ptr_nonnull(again);
    ck_assert_int_eq(read(again->read_end, rig.buffer, 9), -1);
    ck_assert_int_eq(errno, EAGAIN);
    ck_assert_uint_ge(again->size, 4096);
    for (int i = 0; i < 3; i++)
        offload_pipe_release(rig.offload, i == 1 ? again : pipes[i], true);
    ck_assert_uint_eq(offload_stats(rig.offload)->pipes_free, 3);
    ck_assert_uint_eq(offload_stats(rig.offload)->pipes, 3);
}
END_TEST

START_TEST(residence_is_answered)
{
    offload_rig_start(&rig, &offload_modes[OFFLOAD_MODE_AUTO]);
    if (offload_rig_on_disk(&rig))
        ck_assert(offload_resident(rig.offload, rig.file, 0, 0, OFFLOAD_RIG_SIZE)); /* just written */
}
END_TEST

static ssize_t read_now(uint64_t offset, size_t want) {
    memset(rig.buffer, 0, sizeof rig.buffer);
    return offload_read_now(rig.offload, rig.file, rig.file_stat.st_dev, rig.buffer, want, offset);
}

START_TEST(bytes_at_hand_are_read_at_once)
{
    offload_rig_start(&rig, &offload_modes[_i]);
    if (offload_modes[_i].offload == OFFLOAD_ALWAYS) {
        ck_assert_int_eq(read_now(0, OFFLOAD_RIG_CHUNK), -EAGAIN);
    } else if (offload_rig_on_disk(&rig)) {
        ck_assert_int_eq(read_now(777, OFFLOAD_RIG_CHUNK), OFFLOAD_RIG_CHUNK);
        offload_rig_pattern(&rig, 777, OFFLOAD_RIG_CHUNK);
        ck_assert_int_eq(read_now(OFFLOAD_RIG_SIZE - 5, 100), 5);
        ck_assert_int_eq(read_now(OFFLOAD_RIG_SIZE, 100), 0);
        ck_assert_uint_eq(offload_stats(rig.offload)->jobs_spot, 3);
    }
}
END_TEST

START_TEST(times_and_counts_are_kept)
{
    offload_rig_start(&rig, &offload_modes[OFFLOAD_MODE_ALWAYS_NO_RING]);
    uint64_t threads_at_start = offload_stats(rig.offload)->files_threads;
    offload_rig_everything(&rig, &offload_modes[OFFLOAD_MODE_ALWAYS_NO_RING]);
    struct offload_stats *stats = offload_stats(rig.offload);
    ck_assert_uint_eq(threads_at_start, 0);
    ck_assert_uint_eq(stats->jobs_pool, OFFLOAD_RIG_JOBS);
    ck_assert_uint_eq(stats->pool_work.count, OFFLOAD_RIG_JOBS);
    ck_assert_uint_eq(stats->pool_return.count, OFFLOAD_RIG_JOBS);
    ck_assert_uint_eq(stats->handlers_wait.count, 1);
    ck_assert_uint_eq(stats->files_wait.count, OFFLOAD_RIG_JOBS - 2); /* one job for each other pool */
    ck_assert_uint_ge(stats->files_threads, 1); /* as many as there were jobs at once, at most all */
    ck_assert_uint_le(stats->files_threads, 2);
    struct counters_table table = offload_counters(rig.offload);
    ck_assert_ptr_eq(table.base, stats);
    ck_assert_str_eq(table.rows[1].name, "jobs_pool");
    ck_assert_uint_eq(*(uint64_t *)(void *)((char *)table.base + table.rows[1].offset), OFFLOAD_RIG_JOBS);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("offload");
    TCase *tcase = tcase_create("offload");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, every_kind_of_job_in_every_mode, 0, OFFLOAD_MODES);
    tcase_add_loop_test(tcase, many_jobs_at_once_in_every_mode, 0, OFFLOAD_MODES);
    tcase_add_test(tcase, what_needs_no_sleep_is_done_on_the_spot);
    tcase_add_test(tcase, without_a_ring_resident_chunks_are_read_on_the_spot);
    tcase_add_test(tcase, a_ring_that_is_required_is_there_and_used);
    tcase_add_test(tcase, pipes_are_few_and_never_hand_on_bytes);
    tcase_add_test(tcase, residence_is_answered);
    tcase_add_loop_test(tcase, bytes_at_hand_are_read_at_once, 0, OFFLOAD_MODES);
    tcase_add_test(tcase, times_and_counts_are_kept);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
