/* Connections whose streams have to wait for something: each goes on by itself, and none keeps the loop busy. */
#include "proto/frame.h"
#include "reactor/ledger.h"
#include "reactor/listener.h"
#include "reactor/memory_body.h"
#include "reactor/operation.h"
#include "reactor/slc1.h"
#include "tests/unit/loop_rig.h"

#include <check.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83
#endif
#define NOBODY 65534
#define BODY   (1024 * 1024)

static struct loop_rig rig;
static struct conn *conn;
static int client;
static uint64_t waiting;       /* the request that op W leaves without a reply */
static uint64_t held;          /* bytes of bodies in memory when op U has replied */
static double time_of_day_set; /* by so many seconds */

/* libev's own look at the clock that an administrator may set. */
double ev_time(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9 + time_of_day_set;
}

static void run_wait(struct request *request, struct span payload) {
    (void)payload;
    waiting = request_handle(request);
}

static void run_body(struct request *request, struct span payload) {
    (void)payload;
    struct object_fields fields = {.size = BODY, .count = BODY};
    slc1_reply_fields(request, 'B', 0, &fields, -1, memory_body_new(request, calloc(1, BODY), BODY));
}

/* There is no room for the reply. */
static void run_unsent(struct request *request, struct span payload) {
    unsigned limit = rig.loop.segments.limit;
    rig.loop.segments.limit = 0;
    run_body(request, payload);
    rig.loop.segments.limit = limit;
    held = rig.loop.stats.memory_bytes;
}

static void run_descriptor(struct request *request, struct span payload) {
    (void)payload;
    struct object_fields fields = {0};
    int fd = open("/dev/null", O_RDONLY);
    ledger_enter(&rig.loop.ledger, fd, FD_OBJECT, 0, 0);
    slc1_reply_fields(request, 'D', 0, &fields, fd, NULL);
}

static void run_ping(struct request *request, struct span payload) {
    slc1_reply_payload(request, payload);
}

static const struct operation operations[] = {{'W', 0, run_wait, NULL},
                                              {'B', 0, run_body, NULL},
                                              {'U', 0, run_unsent, NULL},
                                              {'D', 0, run_descriptor, NULL},
                                              {'N', 0, run_ping, NULL}};

static void start(void) {
    loop_rig_start(&rig);
    for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
        rig.loop.operations[operations[i].letter] = &operations[i];
    client = loop_rig_connect(&rig, &conn);
}

static void setup(void) {
    loop_rig_setup(&rig);
}

static void teardown(void) {
    close(client);
    loop_rig_teardown(&rig);
}

START_TEST(one_that_found_no_buffer_to_read_into_reads_on)
{
    char reply[2 * FRAME_HEADER];
    start();
    loop_rig_send(&rig, client, 'W', "");
    loop_rig_turn(&rig);
    unsigned limit = rig.loop.inputs.limit;
    rig.loop.inputs.limit = 0;
    loop_rig_send(&rig, client, 'N', "");
    ck_assert(!conn->stream.reading);
    slc1_reply_payload(request_find(&rig.loop, waiting), span_of("", 0));
    loop_rig_turn(&rig);
    rig.loop.inputs.limit = limit;
    loop_rig_receive(&rig, client, reply, sizeof(reply));
}
END_TEST

static int option_of(const struct listener *listener, int level, int name) {
    int value = -1;
    socklen_t size = sizeof(value);
    ck_assert_int_eq(getsockopt(listener->io.fd, level, name, &value, &size), 0);
    return value;
}

/* Accepted sockets inherit them. */
START_TEST(tcp_settings_reach_the_socket)
{
    struct listen_settings settings;
    start();
    settings = rig.listen;
    settings.address = "tcp:127.0.0.1:0";
    settings.nodelay = _i;
    settings.keepalive = _i ? 40 : 0;
    settings.user_timeout = _i ? 2.5 : 0;
    ck_assert_int_eq(listener_open(&rig.loop, &settings, rig.why, sizeof(rig.why)), 0);
    const struct listener *listener = LIST_FIRST(&rig.loop.listeners);
    if (listener->address.kind != ADDRESS_TCP)
        listener = LIST_NEXT(listener, link);
    ck_assert_int_eq(option_of(listener, IPPROTO_TCP, TCP_NODELAY), _i);
    ck_assert_int_eq(option_of(listener, SOL_SOCKET, SO_KEEPALIVE), _i);
    ck_assert_int_eq(option_of(listener, IPPROTO_TCP, TCP_USER_TIMEOUT), _i ? 2500 : 0);
    if (_i) {
        ck_assert_int_eq(option_of(listener, IPPROTO_TCP, TCP_KEEPIDLE), 40);
        ck_assert_int_eq(option_of(listener, IPPROTO_TCP, TCP_KEEPINTVL), 10);
    }
}
END_TEST

/* By name; "" where it cannot be opened, with the reason in the rig. */
static const char *congestion_of(char *address, char *asked) {
    static char name[16];
    static struct listen_settings settings;
    socklen_t size = sizeof(name);
    settings = rig.listen;
    settings.address = address;
    settings.congestion = asked;
    if (listener_open(&rig.loop, &settings, rig.why, sizeof(rig.why)) != 0)
        return "";
    const struct listener *listener = LIST_FIRST(&rig.loop.listeners);
    ck_assert_int_eq(getsockopt(listener->io.fd, IPPROTO_TCP, TCP_CONGESTION, name, &size), 0);
    return name;
}

START_TEST(loopback_goes_without_pacing)
{
    char kernel[16];
    socklen_t size = sizeof(kernel);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, kernel, &size), 0);
    close(fd);
    start();
    ck_assert_str_eq(congestion_of("tcp:127.0.0.1:0", ""), "reno");
    ck_assert_str_eq(congestion_of("tcp:*:0", ""), kernel);
    ck_assert_str_eq(congestion_of("tcp:127.0.0.1:0", kernel), kernel);
    ck_assert_str_eq(congestion_of("tcp:*:0", "reno"), "reno");
    ck_assert_str_eq(congestion_of("tcp:*:0", "no-such"), "");
    ck_assert_ptr_nonnull(strstr(rig.why, "congestion: 'no-such'"));
}
END_TEST

/* As on a kernel that cannot refuse them for us. */
START_TEST(descriptors_from_a_client_are_closed_even_if_no_thread_comes_to_it)
{
    int pipe_fds[2], yes = 1;
    char byte, control[CMSG_SPACE(sizeof(int))] = "";
    struct iovec iov = {"x", 1};
    struct msghdr message = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
    start();
    setsockopt(stream_fd(&conn->stream), SOL_SOCKET, SO_PASSRIGHTS, &yes, sizeof(yes));
    conn->stream.control = true;
    ck_assert_int_eq(pipe2(pipe_fds, O_NONBLOCK), 0);
    struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
    *rights = (struct cmsghdr){
        .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
    memcpy(CMSG_DATA(rights), &pipe_fds[1], sizeof(int));
    ck_assert_int_eq(sendmsg(client, &message, 0), 1);
    close(pipe_fds[1]);
    while (rig.loop.stats.foreign_fds == 0)
        loop_rig_turn(&rig); /* whose end the job waits for */
    ck_assert(offload_drain(rig.loop.offload, 60));
    loop_rig_turn(&rig);
    ck_assert_int_eq(read(pipe_fds[0], &byte, 1), 0);
    close(pipe_fds[0]);
}
END_TEST

START_TEST(one_sends_its_share_of_a_turn_and_no_more)
{
    rig.settings.turn_bytes = 16384;
    start();
    loop_rig_send(&rig, client, 'B', "");
    for (int turn = 0; turn < 5; turn++) {
        uint64_t before = conn->stream.sent;
        loop_rig_turn(&rig);
        ck_assert_uint_le(conn->stream.sent - before, 16384 + FRAME_HEADER + OBJECT_FIELDS);
        ck_assert_uint_gt(conn->stream.sent, before);
    }
}
END_TEST

START_TEST(one_whose_reply_cannot_be_queued_ends_with_its_body_when_the_handler_has_returned)
{
    char byte;
    start();
    loop_rig_send(&rig, client, 'U', "");
    loop_rig_turn(&rig);
    ck_assert_uint_eq(held, BODY);
    ck_assert_uint_eq(rig.loop.stats.memory_bytes, 0);
    ck_assert_int_eq(recv(client, &byte, 1, 0), 0);
}
END_TEST

/* The replies that were kept behind it do not leave, either. */
START_TEST(one_whose_reply_cannot_be_queued_ends_with_the_replies_behind_it)
{
    char byte;
    start();
    loop_rig_send(&rig, client, 'W', "");
    loop_rig_send(&rig, client, 'B', "");
    unsigned limit = rig.loop.segments.limit;
    rig.loop.segments.limit = 0;
    slc1_reply_payload(request_find(&rig.loop, waiting), span_of("", 0));
    rig.loop.segments.limit = limit;
    ck_assert_uint_eq(rig.loop.stats.memory_bytes, BODY);
    loop_rig_turn(&rig);
    ck_assert_uint_eq(rig.loop.stats.memory_bytes, 0);
    ck_assert_int_eq(recv(client, &byte, 1, 0), 0);
}
END_TEST

START_TEST(one_whose_window_cannot_be_watched_is_not_paused)
{
    start();
    loop_rig_send(&rig, client, 'N', "unread, so that the window stays as it is");
    loop_rig_turn(&rig);
    for (long i = 0; i < rig.settings.fd_window; i++)
        fdwindow_promise(&conn->window);
    fdwindow_passed(&conn->window, (unsigned)rig.settings.fd_window);
    int epoll = rig.loop.fdwindows.epoll;
    rig.loop.fdwindows.epoll = -1;
    ck_assert(fdwindow_admit(&conn->window, 1));
    ck_assert(conn_may_parse(conn));
    rig.loop.fdwindows.epoll = epoll;
}
END_TEST

/* Over the limit of one user's descriptors in flight; root has none. */
static void spend_descriptors(int pair[2]) {
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(100 * sizeof(int))];
    } control;
    struct rlimit limit = {50, 50};
    ck_assert(geteuid() != 0 ||
              (setresgid(NOBODY, NOBODY, NOBODY) == 0 && setresuid(NOBODY, NOBODY, NOBODY) == 0));
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    struct iovec iov = {(char[]){0}, 1};
    struct msghdr message = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control.room)};
    control.align = (struct cmsghdr){
        .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(100 * sizeof(int))};
    for (int i = 0; i < 100; i++)
        memcpy(CMSG_DATA(&control.align) + (size_t)i * sizeof(int), &pair[0], sizeof(int));
    ck_assert_int_eq(sendmsg(pair[1], &message, 0), 1);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

START_TEST(one_whose_descriptor_the_kernel_refuses_waits_and_does_not_spin)
{
    int pair[2];
    char waste[4096];
    start();
    loop_rig_send(&rig, client, 'B', "");
    loop_rig_send(&rig, client, 'D', "");
    while (!conn->stream.writing)
        loop_rig_turn(&rig);
    spend_descriptors(pair);
    while (rig.loop.stats.fd_refusals == 0) {
        if (recv(client, waste, sizeof(waste), 0) < 0)
            loop_rig_turn(&rig);
    }
    ck_assert(!conn->stream.writing);
    close(pair[0]); /* the kernel takes back what nobody can receive any more */
    close(pair[1]);
    loop_rig_receive(&rig, client, waste, FRAME_HEADER + OBJECT_FIELDS);
}
END_TEST

START_TEST(one_that_loses_a_strangers_descriptors_ends)
{
    int on = 1, fds = client;
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {
        .align = {.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))}};
    struct rlimit before, none;
    start();
    setsockopt(stream_fd(&conn->stream), SOL_SOCKET, 83 /* SO_PASSRIGHTS, Linux 6.16 */, &on, sizeof(on));
    conn->stream.control = true; /* as on older kernels */
    fds = client;
    memcpy(CMSG_DATA(&control.align), &fds, sizeof(fds));
    struct iovec iov = {(char[]){'S'}, 1};
    struct msghdr message = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control.room)};
    ck_assert_int_eq(sendmsg(client, &message, 0), 1);
    getrlimit(RLIMIT_NOFILE, &before);
    none = (struct rlimit){0, before.rlim_max};
    setrlimit(RLIMIT_NOFILE, &none); /* no place for it in our table */
    loop_rig_turn(&rig);
    setrlimit(RLIMIT_NOFILE, &before);
    ck_assert(conn->stream.dying);
}
END_TEST

static void guard(struct ev_loop *ev, ev_timer *timer, int events) {
    (void)timer, (void)events;
    ev_break(ev, EVBREAK_ALL);
}

START_TEST(one_that_is_idle_ends_although_the_clock_was_set_back)
{
    char byte;
    ev_timer timer;
    rig.settings.timeout_idle = 0.6; /* libev looks at the time of day twice a second */
    start();
    time_of_day_set = -3600;
    ev_timer_init(&timer, guard, 10, 0);
    ev_timer_start(rig.loop.ev, &timer);
    while (rig.loop.stats.closed_idle == 0 && ev_is_active(&timer))
        ev_run(rig.loop.ev, EVRUN_ONCE);
    ev_timer_stop(rig.loop.ev, &timer);
    loop_rig_turn(&rig);
    ck_assert_int_eq(recv(client, &byte, 1, 0), 0);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("conn");
    TCase *all = tcase_create("waiting");
    tcase_set_timeout(all, 60);
    tcase_add_checked_fixture(all, setup, teardown);
    tcase_add_loop_test(all, tcp_settings_reach_the_socket, 0, 2);
    tcase_add_test(all, loopback_goes_without_pacing);
    tcase_add_test(all, descriptors_from_a_client_are_closed_even_if_no_thread_comes_to_it);
    tcase_add_test(all, one_that_found_no_buffer_to_read_into_reads_on);
    tcase_add_test(all, one_sends_its_share_of_a_turn_and_no_more);
    tcase_add_test(all, one_whose_reply_cannot_be_queued_ends_with_its_body_when_the_handler_has_returned);
    tcase_add_test(all, one_whose_reply_cannot_be_queued_ends_with_the_replies_behind_it);
    tcase_add_test(all, one_whose_window_cannot_be_watched_is_not_paused);
    tcase_add_test(all, one_whose_descriptor_the_kernel_refuses_waits_and_does_not_spin);
    tcase_add_test(all, one_that_loses_a_strangers_descriptors_ends);
    tcase_add_test(all, one_that_is_idle_ends_although_the_clock_was_set_back);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
