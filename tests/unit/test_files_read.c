/* Reading and splicing files, warm and cold, and what is known of their file systems. */
#include "tests/unit/files_rig.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct files_rig rig;

static void setup(void) {
    files_rig_setup(&rig);
}

static void teardown(void) {
    files_rig_teardown(&rig);
}

static int open_file(void) {
    int fd = open(files_rig_path(&rig, "root/file"), O_RDONLY | O_NONBLOCK);
    ck_assert_int_ge(fd, 0);
    return fd;
}

static enum spot spot_read(int fd, uint64_t offset, size_t want) {
    memset(rig.buffer, 0, sizeof rig.buffer);
    rig.job = (struct job){.kind = JOB_READ};
    rig.job.read.fd = fd;
    rig.job.read.offset = offset;
    rig.job.read.want = want;
    rig.job.read.buffer = rig.buffer;
    return files_spot(&rig.files, &rig.job);
}

static void expect_bytes(uint64_t offset, size_t n) {
    ck_assert_int_eq(rig.job.error, 0);
    ck_assert_uint_eq(rig.job.read.got, n);
    ck_assert(files_rig_is_pattern(rig.buffer, offset, n));
}

/* Drops the file's pages. False: this file system keeps them. */
static bool chill(int fd) {
    ck_assert_int_eq(posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM), 0); /* no reading ahead */
    ck_assert_int_eq(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
    return files_rig_on_disk(&rig);
}

START_TEST(a_warm_small_read_is_done_on_the_spot)
{
    int fd = open_file();
    ck_assert_int_eq(pread(fd, rig.buffer, FILES_RIG_SIZE, 0), FILES_RIG_SIZE);
    enum spot spot = spot_read(fd, 1000, 5000);
    if (files_rig_on_disk(&rig))
        ck_assert_int_eq(spot, SPOT_DONE);
    if (spot != SPOT_DONE)
        files_run(&rig.job);
    expect_bytes(1000, 5000);
    close(fd);
}
END_TEST

START_TEST(a_read_ends_with_the_file)
{
    int fd = open_file();
    ck_assert_int_eq(pread(fd, rig.buffer, FILES_RIG_SIZE, 0), FILES_RIG_SIZE);
    for (int past = 0; past < 2; past++) {
        uint64_t offset = past ? FILES_RIG_SIZE + 5 : FILES_RIG_SIZE - 100;
        if (spot_read(fd, offset, 200) != SPOT_DONE)
            files_run(&rig.job);
        expect_bytes(offset, past ? 0 : 100);
    }
    close(fd);
}
END_TEST

START_TEST(a_long_read_is_the_rings)
{
    int fd = open_file();
    if (files_rig_on_disk(&rig))
        ck_assert_int_eq(spot_read(fd, 0, FILES_RIG_SIZE), SPOT_ELSEWHERE);
    close(fd);
}
END_TEST

START_TEST(a_cold_read_is_not_done_on_the_spot)
{
    int fd = open_file();
    bool cold = chill(fd);
    enum spot spot = spot_read(fd, 0, 16384);
    if (cold)
        ck_assert_int_eq(spot, SPOT_AGAIN);
    files_run(&rig.job);
    expect_bytes(0, 16384);
    close(fd);
}
END_TEST

START_TEST(a_read_keeps_the_part_that_was_warm)
{
    int fd = open_file();
    if (chill(fd)) {
        ck_assert_int_eq(pread(fd, rig.buffer, 100, 0), 100);
        enum spot spot = spot_read(fd, 0, 16384); /* DONE if reading ahead was quicker */
        ck_assert(spot == SPOT_AGAIN || spot == SPOT_DONE);
        ck_assert(rig.job.read.got > 0 && (rig.job.read.got == 16384) == (spot == SPOT_DONE));
        files_run(&rig.job);
        expect_bytes(0, 16384);
    }
    close(fd);
}
END_TEST

START_TEST(memory_files_are_read_on_the_spot_at_any_length)
{
    int fd = memfd_create("test", 0);
    for (size_t i = 0; i < FILES_RIG_SIZE; i++)
        rig.buffer[i] = files_rig_pattern(i);
    ck_assert_int_eq(write(fd, rig.buffer, FILES_RIG_SIZE), FILES_RIG_SIZE);
    ck_assert_int_eq(spot_read(fd, 0, FILES_RIG_SIZE), SPOT_DONE);
    expect_bytes(0, FILES_RIG_SIZE);
    close(fd);
}
END_TEST

START_TEST(a_read_error_is_the_jobs)
{
    int write_only = open(files_rig_path(&rig, "root/file"), O_WRONLY);
    if (spot_read(write_only, 0, 100) != SPOT_DONE)
        files_run(&rig.job);
    ck_assert_int_eq(rig.job.error, -EBADF);
    close(write_only);
}
END_TEST

static enum spot spot_splice(int fd, int pipe, uint64_t offset, size_t want) {
    rig.job = (struct job){.kind = JOB_SPLICE};
    rig.job.splice.fd = fd;
    rig.job.splice.pipe = pipe;
    rig.job.splice.offset = offset;
    rig.job.splice.want = want;
    return files_spot(&rig.files, &rig.job);
}

START_TEST(a_splice_fills_a_pipe)
{
    int fd = open_file(), ends[2];
    ck_assert_int_eq(pipe2(ends, O_NONBLOCK), 0);
    bool cold = _i && chill(fd);
    if (!_i)
        ck_assert_int_eq(pread(fd, rig.buffer, FILES_RIG_SIZE, 0), FILES_RIG_SIZE);
    enum spot spot = spot_splice(fd, ends[1], 1000, 20000);
    if (rig.files.cachestat && files_rig_on_disk(&rig))
        ck_assert_int_eq(spot, cold ? SPOT_AGAIN : SPOT_DONE);
    if (spot != SPOT_DONE)
        files_run(&rig.job);
    ck_assert_int_eq(rig.job.error, 0);
    ck_assert_uint_eq(rig.job.splice.got, 20000);
    ck_assert_int_eq(read(ends[0], rig.buffer, FILES_RIG_SIZE), 20000);
    ck_assert(files_rig_is_pattern(rig.buffer, 1000, 20000));
    close(fd);
    close(ends[0]);
    close(ends[1]);
}
END_TEST

START_TEST(a_splice_ends_with_the_file)
{
    int fd = open_file(), ends[2];
    ck_assert_int_eq(pipe2(ends, O_NONBLOCK), 0);
    if (spot_splice(fd, ends[1], FILES_RIG_SIZE - 10, 100) != SPOT_DONE)
        files_run(&rig.job);
    ck_assert_int_eq(rig.job.error, 0);
    ck_assert_uint_eq(rig.job.splice.got, 10);
    close(fd);
    close(ends[0]);
    close(ends[1]);
}
END_TEST

START_TEST(residence_is_known)
{
    int fd = open_file();
    if (files_rig_on_disk(&rig)) {
        rig.files.cachestat = rig.files.cachestat && !_i; /* and once without it, as before Linux 6.5 */
        chill(fd);
        ck_assert(!files_resident(&rig.files, fd, 0, 0, FILES_RIG_SIZE));
        ck_assert_int_eq(pread(fd, rig.buffer, 1, 0), 1);
        ck_assert(files_resident(&rig.files, fd, 0, 0, rig.files.page));
        ck_assert(!files_resident(&rig.files, fd, 0, 0, 2 * rig.files.page));
        ck_assert_int_eq(pread(fd, rig.buffer, FILES_RIG_SIZE, 0), FILES_RIG_SIZE);
        ck_assert(files_resident(&rig.files, fd, 0, 0, FILES_RIG_SIZE));
        ck_assert(files_resident(&rig.files, fd, 0, 5, 10));
        ck_assert(files_resident(&rig.files, fd, 0, 5, 0));
    }
    close(fd);
}
END_TEST

START_TEST(residence_is_known_of_files_in_memory)
{
    int fd = memfd_create("files", MFD_CLOEXEC);
    size_t page = rig.files.page;
    rig.files.cachestat = rig.files.cachestat && !_i;
    ck_assert_int_eq(write(fd, rig.buffer, FILES_RIG_SIZE), FILES_RIG_SIZE);
    ck_assert(files_resident(&rig.files, fd, 0, 0, FILES_RIG_SIZE));
    ck_assert_int_eq(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)page, (off_t)page), 0);
    /* As if that page were swapped out; without cachestat nobody can tell. */
    ck_assert_int_eq(files_resident(&rig.files, fd, 0, 0, FILES_RIG_SIZE), !rig.files.cachestat);
    ck_assert_int_eq(files_resident(&rig.files, fd, 0, page + 5, 10), !rig.files.cachestat);
    ck_assert(files_resident(&rig.files, fd, 0, 0, page));
    ck_assert(files_resident(&rig.files, fd, 0, page + 5, 0));
    close(fd);
}
END_TEST

START_TEST(nothing_is_resident_where_others_keep_the_pages)
{
    int fd = open("/proc/self/maps", O_RDONLY);
    ck_assert(!files_resident(&rig.files, fd, 0, 0, 10));
    ck_assert_int_eq(spot_read(fd, 0, 10), SPOT_UNSUPPORTED);
    close(fd);
}
END_TEST

START_TEST(an_ability_that_proved_absent_is_not_asked_for_again)
{
    int fd = open_file();
    ck_assert_int_eq(pread(fd, rig.buffer, FILES_RIG_SIZE, 0), FILES_RIG_SIZE);
    filesystems_lack(&rig.files.filesystems, fd, 0, FILESYSTEM_NOWAIT);
    if (files_rig_on_disk(&rig)) {
        ck_assert_int_eq(spot_read(fd, 0, 100), SPOT_UNSUPPORTED);
        ck_assert_int_eq(filesystems_root(&rig.files.filesystems, rig.root),
                         FILESYSTEM_LOCAL); /* its root is on it */
    }
    close(fd);
}
END_TEST

START_TEST(many_devices_and_roots_are_told_apart)
{
    int fd = open_file(), proc = open("/proc", O_PATH | O_DIRECTORY);
    unsigned here = filesystems_root(&rig.files.filesystems, rig.root);
    for (dev_t device = 1; device < 3 * FILESYSTEM_DEVICES; device++)
        filesystems_file(&rig.files.filesystems, fd, device + 100000);
    ck_assert_uint_eq(filesystems_root(&rig.files.filesystems, rig.root), here);
    ck_assert_uint_eq(filesystems_root(&rig.files.filesystems, proc), 0);
    for (int i = 0; i < 3 * FILESYSTEM_ROOTS; i++)
        ck_assert_uint_eq(filesystems_root(&rig.files.filesystems, 100000 + i),
                          0); /* no descriptors at all */
    ck_assert_uint_eq(filesystems_root(&rig.files.filesystems, rig.root), here);
    close(fd);
    close(proc);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("files read");
    TCase *tcase = tcase_create("files read");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_warm_small_read_is_done_on_the_spot);
    tcase_add_test(tcase, a_read_ends_with_the_file);
    tcase_add_test(tcase, a_long_read_is_the_rings);
    tcase_add_test(tcase, a_cold_read_is_not_done_on_the_spot);
    tcase_add_test(tcase, a_read_keeps_the_part_that_was_warm);
    tcase_add_test(tcase, memory_files_are_read_on_the_spot_at_any_length);
    tcase_add_test(tcase, a_read_error_is_the_jobs);
    tcase_add_loop_test(tcase, a_splice_fills_a_pipe, 0, 2);
    tcase_add_test(tcase, a_splice_ends_with_the_file);
    tcase_add_loop_test(tcase, residence_is_known, 0, 2);
    tcase_add_loop_test(tcase, residence_is_known_of_files_in_memory, 0, 2);
    tcase_add_test(tcase, nothing_is_resident_where_others_keep_the_pages);
    tcase_add_test(tcase, an_ability_that_proved_absent_is_not_asked_for_again);
    tcase_add_test(tcase, many_devices_and_roots_are_told_apart);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
