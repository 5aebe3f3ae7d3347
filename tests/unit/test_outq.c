/* The output queue, over real Unix sockets: order, bodies, back-pressure, and the rules for descriptors. */
#include "proto/fdqueue.h"
#include "reactor/outq.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct outq queue;
static struct bufpool pool;
static struct ledger ledger;
static int ends[2];
static bool is_tcp;

static void setup(void) {
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    ck_assert_int_eq(ledger_init(&ledger, 1024), 0);
    bufpool_init(&pool, OUTQ_SEGMENT, 64, 8);
    outq_init(&queue);
}

static void teardown(void) {
    outq_drop(&queue, &pool, &ledger);
    ledger_flush(&ledger);
    ck_assert_uint_eq(ledger.open_by_kind[FD_OBJECT], 0);
    bufpool_free(&pool);
    ledger_free(&ledger);
    close(ends[0]);
    close(ends[1]);
}

static struct span text(const char *t) {
    return span_text(t);
}

static int add(const char *head, int fd, struct body *body) {
    return outq_append(&queue, &pool, text(head), span_of(NULL, 0), fd, body);
}

static int object(void) {
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    ledger_enter(&ledger, fd, FD_OBJECT, 0, 0);
    return fd;
}

static unsigned admitted = 1000;

static bool admit(void *owner, unsigned fds) {
    (void)owner;
    return fds <= admitted;
}

static enum outq_result flush(size_t budget) {
    struct outq_sink sink = {
        .fd = ends[0], .is_tcp = is_tcp, .budget = budget, .pool = &pool, .ledger = &ledger, .admit = admit};
    return outq_flush(&queue, &sink);
}

/* Receives at most n bytes and the descriptors with them. */
static size_t receive(char *bytes, size_t n, struct fdqueue *fds) {
    char control[FDQUEUE_CONTROL];
    struct iovec iov = {bytes, n};
    struct msghdr message = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
    ssize_t got = recvmsg(ends[1], &message, MSG_CMSG_CLOEXEC);
    if (got < 0)
        return 0;
    ck_assert_int_eq(fdqueue_receive(fds, &message), 0);
    return (size_t)got;
}

/* A body of n bytes 'x' that waits `waits` times before its first piece. */
struct test_body {
    struct body body;
    size_t left;
    int waits, ended, whole;
};

static void body_next(struct body *body, struct piece *piece) {
    static char bytes[1 << 20];
    struct test_body *test = (struct test_body *)(void *)body;
    memset(bytes, 'x', 64);
    if (test->waits > 0) {
        test->waits--;
        *piece = (struct piece){.kind = PIECE_WAIT};
    } else if (test->left == 0) {
        *piece = (struct piece){.kind = PIECE_END};
    } else {
        *piece = (struct piece){.kind = PIECE_BYTES, .p = bytes, .n = test->left};
    }
}

static void body_sent(struct body *body, size_t n) {
    ((struct test_body *)(void *)body)->left -= n;
}

static void body_end(struct body *body, bool whole) {
    struct test_body *test = (struct test_body *)(void *)body;
    test->ended++;
    test->whole = whole;
}

static const struct body_class test_class = {.next = body_next, .sent = body_sent, .end = body_end};

/* A body of a file's first bytes, in pieces of at most 64 KiB. */
static int file;

static void file_next(struct body *body, struct piece *piece) {
    enum { PIECE = 64 << 10 };
    size_t left = ((struct test_body *)(void *)body)->left;
    size_t n = left < PIECE ? left : PIECE;
    *piece = (struct piece){.kind = left ? PIECE_FILE : PIECE_END, .fd = file, .n = n, .more = n < left};
}

static const struct body_class file_class = {.next = file_next, .sent = body_sent, .end = body_end};

/* Puts a connection over TCP in the place of the Unix sockets. */
static void use_tcp(void) {
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(name);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(listener, (struct sockaddr *)&name, size), 0);
    ck_assert_int_eq(listen(listener, 1), 0);
    ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&name, &size), 0);
    is_tcp = true;
    close(ends[0]);
    close(ends[1]);
    ends[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(connect(ends[0], (struct sockaddr *)&name, size), 0);
    ends[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    close(listener);
}

static int corked(void) {
    int value = -1;
    socklen_t size = sizeof(value);
    ck_assert_int_eq(getsockopt(ends[0], IPPROTO_TCP, TCP_CORK, &value, &size), 0);
    return value;
}

START_TEST(a_socket_is_corked_until_its_file_was_sent)
{
    struct test_body body = {.body.class = &file_class, .left = 100 << 10};
    FILE *bytes = tmpfile();
    ck_assert_ptr_nonnull(bytes);
    file = fileno(bytes);
    ck_assert_int_eq(ftruncate(file, (off_t)body.left), 0);
    use_tcp();
    ck_assert_int_eq(add("head", -1, &body.body), 0);
    ck_assert_int_eq(add("next", -1, NULL), 0);
    ck_assert_int_eq(flush(70 << 10), OUTQ_AGAIN);
    ck_assert_int_eq(corked(), 1);
    ck_assert_int_eq(flush(1 << 20), OUTQ_EMPTY);
    ck_assert_int_eq(corked(), 0);
    ck_assert_int_eq(body.whole, 1);
    fclose(bytes);
}
END_TEST

START_TEST(small_messages_leave_together_and_in_order)
{
    char bytes[64];
    struct fdqueue fds;
    fdqueue_init(&fds);
    add("one,", -1, NULL);
    add("two,", -1, NULL);
    add("three", -1, NULL);
    ck_assert_int_eq(flush(4096), OUTQ_EMPTY);
    ck_assert_uint_eq(receive(bytes, sizeof(bytes), &fds), 13);
    ck_assert_int_eq(memcmp(bytes, "one,two,three", 13), 0);
    ck_assert_uint_eq(pool.lent, 0);
}
END_TEST

START_TEST(descriptors_ride_on_their_messages_64_at_a_time)
{
    char bytes[1024];
    struct fdqueue fds;
    fdqueue_init(&fds);
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(add("head", object(), NULL), 0);
    ck_assert_int_eq(flush(1 << 20), OUTQ_EMPTY);
    ck_assert_uint_eq(receive(bytes, sizeof(bytes), &fds), 64 * 4);
    ck_assert_uint_eq(fds.count, 64);
    fdqueue_close(&fds);
    ck_assert_uint_eq(receive(bytes, sizeof(bytes), &fds), 36 * 4);
    ck_assert_uint_eq(fds.count, 36);
    fdqueue_close(&fds);
    ledger_flush(&ledger);
    ck_assert_uint_eq(ledger.open_by_kind[FD_OBJECT], 0);
}
END_TEST

START_TEST(no_more_ride_together_than_the_owner_allows)
{
    char bytes[64];
    struct fdqueue fds;
    fdqueue_init(&fds);
    queue.fds_most = 2;
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(add("head", object(), NULL), 0);
    ck_assert_int_eq(flush(1 << 20), OUTQ_EMPTY);
    ck_assert_uint_eq(receive(bytes, sizeof(bytes), &fds), 2 * 4);
    ck_assert_uint_eq(fds.count, 2);
    fdqueue_close(&fds);
    ck_assert_uint_eq(receive(bytes, sizeof(bytes), &fds), 4);
    ck_assert_uint_eq(fds.count, 1);
    fdqueue_close(&fds);
}
END_TEST

START_TEST(a_descriptor_does_not_ride_on_the_rest_of_another_message)
{
    enum { LONG = OUTQ_ROOM + 10 };
    char message[LONG + 1], bytes[LONG];
    struct fdqueue fds;
    fdqueue_init(&fds);
    memset(message, 'x', LONG);
    message[LONG] = '\0';
    ck_assert_int_eq(add(message, -1, NULL), 0);
    ck_assert_int_eq(add("head", object(), NULL), 0);
    ck_assert_int_eq(flush(1 << 20), OUTQ_EMPTY);
    for (size_t got = 0; got < LONG;)
        got += receive(bytes, LONG - got, &fds);
    ck_assert_uint_eq(fds.count, 0);
    ck_assert_uint_eq(receive(bytes, sizeof(bytes), &fds), 4);
    ck_assert_uint_eq(fds.count, 1);
    fdqueue_close(&fds);
}
END_TEST

START_TEST(what_is_not_admitted_waits_whole)
{
    char bytes[64];
    struct fdqueue fds;
    fdqueue_init(&fds);
    admitted = 0;
    add("plain", -1, NULL);
    add("head", object(), NULL);
    ck_assert_int_eq(flush(4096), OUTQ_PAUSED);
    ck_assert_uint_eq(receive(bytes, sizeof(bytes), &fds), 0);
    admitted = 1000;
    ck_assert_int_eq(flush(4096), OUTQ_EMPTY);
    ck_assert_uint_eq(receive(bytes, sizeof(bytes), &fds), 9);
    ck_assert_uint_eq(fds.count, 1);
    fdqueue_close(&fds);
}
END_TEST

/* A descriptor may not ride on a segment that starts inside a message. */
START_TEST(a_descriptor_starts_at_its_own_message)
{
    static char large[OUTQ_ROOM + 100];
    char bytes[2 * sizeof(large)];
    struct fdqueue fds;
    fdqueue_init(&fds);
    memset(large, 'l', sizeof(large));
    ck_assert_int_eq(outq_append(&queue, &pool, span_of(large, sizeof(large)), span_of(NULL, 0), -1, NULL),
                     0);
    add("head", object(), NULL);
    ck_assert_int_eq(flush(1 << 20), OUTQ_EMPTY);
    size_t n = receive(bytes, sizeof(bytes), &fds);
    if (n ==
        sizeof(large)) { /* the kernel stops at the border of control data, or not: fds come with "head" */
        ck_assert_uint_eq(fds.count, 0);
        n += receive(bytes + n, sizeof(bytes) - n, &fds);
    }
    ck_assert_uint_eq(n, sizeof(large) + 4);
    ck_assert_int_eq(memcmp(bytes + sizeof(large), "head", 4), 0);
    ck_assert_uint_eq(fds.count, 1);
    fdqueue_close(&fds);
}
END_TEST

START_TEST(a_head_waits_once_for_its_first_piece)
{
    char bytes[64];
    struct fdqueue fds;
    struct test_body body = {.body.class = &test_class, .left = 3, .waits = 1};
    fdqueue_init(&fds);
    add("head", -1, &body.body);
    ck_assert_int_eq(flush(4096), OUTQ_AGAIN);
    ck_assert_uint_eq(receive(bytes, sizeof(bytes), &fds), 0);
    ck_assert_int_eq(flush(4096), OUTQ_EMPTY);
    ck_assert_uint_eq(receive(bytes, sizeof(bytes), &fds), 7);
    ck_assert_int_eq(body.ended, 1);
    ck_assert_int_eq(body.whole, 1);
}
END_TEST

/* Earlier replies are not held back by a piece that takes its time. */
START_TEST(a_head_does_not_wait_for_ever)
{
    char bytes[64];
    struct fdqueue fds;
    struct test_body body = {.body.class = &test_class, .left = 3, .waits = 3};
    fdqueue_init(&fds);
    add("early", -1, NULL);
    add("head", -1, &body.body);
    ck_assert_int_eq(flush(4096), OUTQ_AGAIN);
    ck_assert_int_eq(flush(4096), OUTQ_WAITING);
    ck_assert_uint_eq(receive(bytes, sizeof(bytes), &fds), 9);
    ck_assert_int_eq(flush(4096), OUTQ_EMPTY);
    ck_assert_int_eq(body.whole, 1);
}
END_TEST

START_TEST(a_full_socket_blocks_and_goes_on_where_it_stopped)
{
    static char bytes[1 << 21];
    struct fdqueue fds;
    struct test_body body = {.body.class = &test_class, .left = 1 << 20};
    fdqueue_init(&fds);
    add("head", -1, &body.body);
    size_t n = 0;
    int blocked = 0;
    for (;;) {
        enum outq_result result = flush(SIZE_MAX);
        for (size_t got; (got = receive(bytes + n, sizeof(bytes) - n, &fds)) > 0;)
            n += got;
        if (result == OUTQ_EMPTY)
            break;
        ck_assert_int_eq(result, OUTQ_BLOCKED);
        blocked++;
    }
    ck_assert_int_gt(blocked, 0);
    ck_assert_uint_eq(n, 4 + (1 << 20));
    ck_assert_int_eq(memcmp(bytes, "headxxx", 7), 0);
}
END_TEST

START_TEST(a_budget_ends_the_turn)
{
    struct test_body body = {.body.class = &test_class, .left = 1000};
    char bytes[64];
    struct fdqueue fds;
    fdqueue_init(&fds);
    add("head", -1, &body.body);
    for (size_t got = 0; got < 1004;) {
        enum outq_result result = flush(10);
        size_t n = receive(bytes, sizeof(bytes), &fds);
        ck_assert_uint_gt(n, 0);
        ck_assert_uint_le(n, 14);
        got += n;
        ck_assert_int_eq(result, got < 1004 ? OUTQ_AGAIN : result);
    }
    ck_assert_int_eq(flush(10), OUTQ_EMPTY);
}
END_TEST

START_TEST(a_dropped_queue_ends_bodies_and_closes_descriptors)
{
    struct test_body body = {.body.class = &test_class, .left = 1000};
    add("a", object(), NULL);
    add("b", object(), &body.body);
    outq_drop(&queue, &pool, &ledger);
    ledger_flush(&ledger);
    ck_assert_int_eq(body.ended, 1);
    ck_assert_int_eq(body.whole, 0);
    ck_assert_uint_eq(ledger.open_by_kind[FD_OBJECT], 0);
    ck_assert_uint_eq(pool.lent, 0);
}
END_TEST

START_TEST(without_buffers_nothing_is_taken)
{
    static char large[3 * OUTQ_ROOM];
    bufpool_free(&pool);
    bufpool_init(&pool, OUTQ_SEGMENT, 2, 8);
    add("kept", -1, NULL);
    ck_assert_int_eq(outq_append(&queue, &pool, span_of(large, sizeof(large)), span_of(NULL, 0), -1, NULL),
                     -ENOBUFS);
    ck_assert_uint_eq(pool.lent, 1);
    ck_assert_uint_eq(queue.bytes, 4);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("outq");
    TCase *tests = tcase_create("outq");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, a_socket_is_corked_until_its_file_was_sent);
    tcase_add_test(tests, small_messages_leave_together_and_in_order);
    tcase_add_test(tests, descriptors_ride_on_their_messages_64_at_a_time);
    tcase_add_test(tests, no_more_ride_together_than_the_owner_allows);
    tcase_add_test(tests, a_descriptor_does_not_ride_on_the_rest_of_another_message);
    tcase_add_test(tests, what_is_not_admitted_waits_whole);
    tcase_add_test(tests, a_descriptor_starts_at_its_own_message);
    tcase_add_test(tests, a_head_waits_once_for_its_first_piece);
    tcase_add_test(tests, a_head_does_not_wait_for_ever);
    tcase_add_test(tests, a_full_socket_blocks_and_goes_on_where_it_stopped);
    tcase_add_test(tests, a_budget_ends_the_turn);
    tcase_add_test(tests, a_dropped_queue_ends_bodies_and_closes_descriptors);
    tcase_add_test(tests, without_buffers_nothing_is_taken);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
