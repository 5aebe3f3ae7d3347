/* Descriptors through real Unix sockets into the queue: order, ownership, truncation, overflow. */
#include "proto/fdqueue.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define MESSAGE_FDS 253 /* the kernel's SCM_MAX_FD */

static int ends[2]; /* [0] sends, [1] receives */
static int file;
static struct fdqueue queue;

static unsigned open_fds(void) {
    unsigned n = 0;
    DIR *dir = opendir("/proc/self/fd");
    ck_assert_ptr_nonnull(dir);
    while (readdir(dir))
        n++;
    closedir(dir);
    return n - 3; /* . and .. and the directory itself */
}

static void open_all(void) {
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    file = open("/dev/null", O_RDONLY | O_CLOEXEC);
    ck_assert_int_ge(file, 0);
    fdqueue_init(&queue);
}

static void close_all(void) {
    fdqueue_close(&queue);
    close(ends[0]);
    close(ends[1]);
    close(file);
}

/* Sends n copies of fd along with one byte. */
static void send_fds(int fd, unsigned n) {
    union {
        struct cmsghdr align;
        char bytes[FDQUEUE_CONTROL];
    } control = {0};
    char byte = 'x';
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (n > 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(n * sizeof(int));
        struct cmsghdr *block = CMSG_FIRSTHDR(&message);
        *block = (struct cmsghdr){
            .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(n * sizeof(int))};
        for (unsigned i = 0; i < n; i++)
            memcpy(CMSG_DATA(block) + i * sizeof(int), &fd, sizeof(int));
    }
    ck_assert_int_eq(sendmsg(ends[0], &message, 0), 1);
}

/* Receives one byte with room for `room` bytes of control data; returns fdqueue_receive's answer. */
static int receive(size_t room) {
    union {
        struct cmsghdr align;
        char bytes[FDQUEUE_CONTROL + CMSG_SPACE(sizeof(struct ucred))];
    } control;
    char byte;
    struct iovec part = {&byte, 1};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = room};
    ck_assert_int_eq(recvmsg(ends[1], &message, MSG_CMSG_CLOEXEC), 1);
    return fdqueue_receive(&queue, &message);
}

static ino_t inode_of(int fd) {
    struct stat status;
    ck_assert_int_eq(fstat(fd, &status), 0);
    return status.st_ino;
}

START_TEST(fds_come_out_in_the_order_they_were_sent)
{
    int others[2];
    ck_assert_int_eq(pipe(others), 0);
    int sent[] = {file, others[0], others[1], file};
    for (int i = 0; i < 4; i++) {
        send_fds(sent[i], 1);
        ck_assert_int_eq(receive(FDQUEUE_CONTROL), 0);
    }
    ck_assert_uint_eq(queue.count, 4);
    for (int i = 0; i < 4; i++) {
        int fd = fdqueue_take(&queue);
        ck_assert_int_ge(fd, 0);
        ck_assert_uint_eq(inode_of(fd), inode_of(sent[i]));
        ck_assert_int_eq(fcntl(fd, F_GETFL) & O_ACCMODE, fcntl(sent[i], F_GETFL) & O_ACCMODE);
        close(fd);
    }
    ck_assert_int_eq(fdqueue_take(&queue), -1);
    close(others[0]);
    close(others[1]);
}
END_TEST

START_TEST(messages_without_fds_change_nothing)
{
    send_fds(file, 1);
    send_fds(-1, 0);
    ck_assert_int_eq(receive(FDQUEUE_CONTROL), 0);
    ck_assert_int_eq(receive(FDQUEUE_CONTROL), 0);
    ck_assert_uint_eq(queue.count, 1);
}
END_TEST

START_TEST(other_control_data_is_skipped)
{
    int on = 1;
    ck_assert_int_eq(setsockopt(ends[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)), 0);
    send_fds(file, 3);
    ck_assert_int_eq(receive(FDQUEUE_CONTROL + CMSG_SPACE(sizeof(struct ucred))), 0);
    ck_assert_uint_eq(queue.count, 3);
}
END_TEST

START_TEST(a_full_message_and_the_ring_s_edge)
{
    unsigned before = open_fds();
    for (int round = 0; round < 7; round++) { /* 7 * 253 wraps around more than once */
        send_fds(file, MESSAGE_FDS);
        ck_assert_int_eq(receive(FDQUEUE_CONTROL), 0);
        for (int i = 0; i < MESSAGE_FDS; i++)
            ck_assert_int_eq(close(fdqueue_take(&queue)), 0);
    }
    ck_assert_int_eq(fdqueue_take(&queue), -1);
    ck_assert_uint_eq(open_fds(), before);
}
END_TEST

START_TEST(truncation_by_too_little_room_closes_everything)
{
    unsigned before = open_fds();
    send_fds(file, 2);
    ck_assert_int_eq(receive(FDQUEUE_CONTROL), 0);
    send_fds(file, 9);
    ck_assert_int_eq(receive(CMSG_SPACE(3 * sizeof(int))), -EPROTO);
    ck_assert_uint_eq(queue.count, 0);
    ck_assert_int_eq(fdqueue_take(&queue), -1);
    ck_assert_uint_eq(open_fds(), before);
}
END_TEST

START_TEST(truncation_without_any_room_is_noticed)
{
    unsigned before = open_fds();
    send_fds(file, 1);
    ck_assert_int_eq(receive(0), -EPROTO);
    ck_assert_uint_eq(open_fds(), before);
}
END_TEST

START_TEST(truncation_by_the_descriptor_limit_closes_everything)
{
    unsigned before = open_fds();
    struct rlimit limit, low;
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    send_fds(file, 20);
    int highest = dup(file); /* the lowest free number: fds up to it are taken */
    close(highest);
    low = limit;
    low.rlim_cur = (rlim_t)highest + 5;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &low), 0);
    int result = receive(FDQUEUE_CONTROL);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    ck_assert_int_eq(result, -EPROTO);
    ck_assert_uint_eq(open_fds(), before);
}
END_TEST

START_TEST(a_sender_past_the_queue_s_size_loses_everything)
{
    unsigned before = open_fds();
    unsigned sent = 0;
    int result = 0;
    while (result == 0 && sent < 4 * FDQUEUE_MAX) {
        send_fds(file, 100);
        sent += 100;
        result = receive(FDQUEUE_CONTROL);
    }
    ck_assert_int_eq(result, -EPROTO);
    ck_assert_uint_eq(sent, (FDQUEUE_MAX / 100 + 1) * 100);
    ck_assert_uint_eq(queue.count, 0);
    ck_assert_uint_eq(open_fds(), before);
}
END_TEST

START_TEST(exactly_the_queue_s_size_fits)
{
    for (unsigned i = 0; i < FDQUEUE_MAX / 64; i++) {
        send_fds(file, 64);
        ck_assert_int_eq(receive(FDQUEUE_CONTROL), 0);
    }
    ck_assert_uint_eq(queue.count, FDQUEUE_MAX);
}
END_TEST

START_TEST(close_closes_what_is_left_and_the_queue_is_usable_again)
{
    unsigned before = open_fds();
    send_fds(file, 5);
    ck_assert_int_eq(receive(FDQUEUE_CONTROL), 0);
    int mine = fdqueue_take(&queue);
    fdqueue_close(&queue);
    ck_assert_uint_eq(open_fds(), before + 1);
    ck_assert_int_ge(fcntl(mine, F_GETFD), 0);
    ck_assert_int_eq(fcntl(mine, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    close(mine);
    send_fds(file, 1);
    ck_assert_int_eq(receive(FDQUEUE_CONTROL), 0);
    ck_assert_uint_eq(queue.count, 1);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("fdqueue");
    TCase *tests = tcase_create("fdqueue");
    tcase_add_checked_fixture(tests, open_all, close_all);
    tcase_add_test(tests, fds_come_out_in_the_order_they_were_sent);
    tcase_add_test(tests, messages_without_fds_change_nothing);
    tcase_add_test(tests, other_control_data_is_skipped);
    tcase_add_test(tests, a_full_message_and_the_ring_s_edge);
    tcase_add_test(tests, truncation_by_too_little_room_closes_everything);
    tcase_add_test(tests, truncation_without_any_room_is_noticed);
    tcase_add_test(tests, truncation_by_the_descriptor_limit_closes_everything);
    tcase_add_test(tests, a_sender_past_the_queue_s_size_loses_everything);
    tcase_add_test(tests, exactly_the_queue_s_size_fits);
    tcase_add_test(tests, close_closes_what_is_left_and_the_queue_is_usable_again);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
