#include "offload/pipes.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#define CHUNK  ((size_t)256 << 10)
#define NOBODY 65534

static struct pipes pipes;
static int opened;

static void count_notice(void *context, int fd, const char *kind, bool is_opened) {
    ck_assert_ptr_eq(context, &opened);
    ck_assert_int_ne(fcntl(fd, F_GETFD), -1);
    ck_assert_str_eq(kind, "pipe");
    opened += is_opened ? 1 : -1;
}

static const struct notice notice = {count_notice, &opened};

static void teardown(void) {
    pipes_free(&pipes);
    ck_assert_int_eq(opened, 0);
}

/* Splices size bytes from within a page of a file into the pipe. How many it took. */
static ssize_t fill(struct pipe_pair *pair, size_t size) {
    int file = memfd_create("test", 0);
    loff_t offset = 4095;
    ck_assert_int_eq(ftruncate(file, (off_t)size + 8192), 0);
    size_t done = 0;
    while (done < size) {
        ssize_t n = splice(file, &offset, pair->write_end, NULL, size - done, SPLICE_F_NONBLOCK);
        if (n <= 0)
            break;
        done += (size_t)n;
    }
    close(file);
    return (ssize_t)done;
}

START_TEST(a_chunk_fits_from_any_offset)
{
    ck_assert_int_eq(pipes_init(&pipes, 2, CHUNK, &notice), 0);
    ck_assert_int_eq(opened, 4);
    struct pipe_pair *pair = pipes_take(&pipes);
    ck_assert_ptr_nonnull(pair);
    ck_assert_uint_eq(pair->size, CHUNK);
    ck_assert_int_eq(fill(pair, pair->size), (ssize_t)pair->size);
    ck_assert_int_eq(fcntl(pair->read_end, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    ck_assert_int_eq(fcntl(pair->write_end, F_GETFD), FD_CLOEXEC);
    pipes_give(&pipes, pair, false);
}
END_TEST

START_TEST(size_says_what_the_kernel_gave)
{
    if (geteuid() == 0) /* root may have pipes of any size */
        ck_assert_int_eq(seteuid(NOBODY), 0);
    ck_assert_int_eq(pipes_init(&pipes, 1, CHUNK << 8, &notice), 0);
    if (getuid() == 0)
        ck_assert_int_eq(seteuid(0), 0);
    struct pipe_pair *pair = pipes_take(&pipes);
    if (pair) { /* none if other processes used up this user's pipe room */
        ck_assert_uint_lt(pair->size, CHUNK << 8);
        ck_assert_int_eq(fill(pair, pair->size), (ssize_t)pair->size);
        pipes_give(&pipes, pair, false);
    }
}
END_TEST

START_TEST(there_are_no_more_than_asked_for)
{
    struct pipe_pair *pairs[2];
    ck_assert_int_eq(pipes_init(&pipes, 2, CHUNK, &notice), 0);
    pairs[0] = pipes_take(&pipes);
    pairs[1] = pipes_take(&pipes);
    ck_assert_ptr_ne(pairs[0], pairs[1]);
    ck_assert_ptr_null(pipes_take(&pipes));
    pipes_give(&pipes, pairs[0], true);
    ck_assert_ptr_eq(pipes_take(&pipes), pairs[0]);
    pipes_give(&pipes, pairs[0], true);
    pipes_give(&pipes, pairs[1], true);
}
END_TEST

START_TEST(none_is_a_number)
{
    ck_assert_int_eq(pipes_init(&pipes, 0, CHUNK, &notice), 0);
    ck_assert_ptr_null(pipes_take(&pipes));
}
END_TEST

static struct rlimit allow_fds(rlim_t n) {
    struct rlimit old, limit;
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
    limit = old;
    limit.rlim_cur = n;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    return old;
}

static int next_fd(void) {
    int fd = dup(0);
    close(fd);
    return fd;
}

START_TEST(few_descriptors_mean_few_pipes)
{
    struct rlimit old = allow_fds((rlim_t)next_fd() + 5);
    ck_assert_int_eq(pipes_init(&pipes, 10, CHUNK, &notice), 0);
    ck_assert_uint_eq(pipes.total, 2);
    setrlimit(RLIMIT_NOFILE, &old);
}
END_TEST

START_TEST(a_pipe_that_could_not_be_replaced_comes_back_later)
{
    ck_assert_int_eq(pipes_init(&pipes, 2, CHUNK, &notice), 0);
    struct pipe_pair *dirty = pipes_take(&pipes);
    ck_assert_int_eq(write(dirty->write_end, "secret", 6), 6);
    struct rlimit old = allow_fds(3);
    pipes_give(&pipes, dirty, false);
    ck_assert_int_eq(opened, 2);
    struct pipe_pair *clean = pipes_take(&pipes);
    ck_assert_ptr_nonnull(clean);
    ck_assert_ptr_null(pipes_take(&pipes));
    setrlimit(RLIMIT_NOFILE, &old);
    ck_assert_ptr_eq(pipes_take(&pipes), dirty);
    char byte;
    ck_assert_int_eq(read(dirty->read_end, &byte, 1), -1);
    ck_assert_int_eq(errno, EAGAIN);
    pipes_give(&pipes, dirty, true);
    pipes_give(&pipes, clean, true);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("pipes");
    TCase *tcase = tcase_create("pipes");
    tcase_add_checked_fixture(tcase, NULL, teardown);
    tcase_add_test(tcase, a_chunk_fits_from_any_offset);
    tcase_add_test(tcase, size_says_what_the_kernel_gave);
    tcase_add_test(tcase, there_are_no_more_than_asked_for);
    tcase_add_test(tcase, none_is_a_number);
    tcase_add_test(tcase, few_descriptors_mean_few_pipes);
    tcase_add_test(tcase, a_pipe_that_could_not_be_replaced_comes_back_later);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
