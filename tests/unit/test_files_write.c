/* Writes done by a thread: all bytes, then one sync, and each error as what it was. */
#include "offload/files.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct job job;
static int fds[2];

static int write_to(int fd, bool sync) {
    memset(&job, 0, sizeof(job));
    job.kind = JOB_WRITE;
    job.write.fd = fd;
    job.write.offset = 10;
    job.write.buffer = "hello";
    job.write.want = 5;
    job.write.sync = sync;
    files_run(&job);
    return job.error;
}

static void setup(void) {
    fds[0] = memfd_create("sluice-test", MFD_CLOEXEC);
    fds[1] = open("/dev/full", O_WRONLY | O_CLOEXEC);
    ck_assert(fds[0] >= 0 && fds[1] >= 0);
}

static void teardown(void) {
    close(fds[0]);
    close(fds[1]);
}

START_TEST(bytes_go_to_their_offset)
{
    char bytes[16] = "";
    ck_assert_int_eq(write_to(fds[0], _i), 0);
    ck_assert_uint_eq(job.write.got, 5);
    ck_assert_int_eq(pread(fds[0], bytes, sizeof(bytes), 10), 5);
    ck_assert_str_eq(bytes, "hello");
}
END_TEST

START_TEST(it_goes_on_where_a_ring_stopped)
{
    char bytes[16] = "";
    ck_assert_int_eq(write_to(fds[0], true), 0);
    job.write.buffer = "HELLO";
    job.write.got = 3;
    files_run(&job);
    ck_assert_int_eq(pread(fds[0], bytes, sizeof(bytes), 10), 5);
    ck_assert_str_eq(bytes, "helLO");
}
END_TEST

START_TEST(a_full_disk_is_said)
{
    ck_assert_int_eq(write_to(fds[1], true), -ENOSPC);
    ck_assert(!job.write.sync_failed);
}
END_TEST

START_TEST(a_failed_sync_is_told_from_a_failed_write)
{
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC); /* takes bytes and cannot sync */
    ck_assert_int_ge(null, 0);
    ck_assert_int_eq(write_to(null, true), -EINVAL);
    ck_assert(job.write.sync_failed);
    ck_assert_uint_eq(job.write.got, 5);
    ck_assert_int_eq(write_to(null, false), 0);
    close(null);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("files write");
    TCase *tests = tcase_create("all");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_loop_test(tests, bytes_go_to_their_offset, 0, 2);
    tcase_add_test(tests, it_goes_on_where_a_ring_stopped);
    tcase_add_test(tests, a_full_disk_is_said);
    tcase_add_test(tests, a_failed_sync_is_told_from_a_failed_write);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
