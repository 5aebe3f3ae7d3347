/* Connections being made: taken, refused, late, cancelled, from an address of our own; the ledger stays balanced. */
#include "reactor/dial.h"
#include "tests/unit/loop_rig.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <unistd.h>

static struct loop_rig rig;
static struct dial dial;
static struct deadline_class timeout;
static struct dial_name server;
static int listener, result, calls;

static void done(struct dial *made, int with) {
    ck_assert_ptr_eq(made, &dial);
    ck_assert(!dial_active(made));
    result = with;
    calls++;
}

static struct dial_name ipv4(const char *address) {
    struct dial_name name = {.length = sizeof(struct sockaddr_in)};
    struct sockaddr_in *in = (void *)&name.address;
    in->sin_family = AF_INET;
    ck_assert_int_eq(inet_pton(AF_INET, address, &in->sin_addr), 1);
    return name;
}

static void setup(void) {
    loop_rig_setup(&rig);
    loop_rig_start(&rig);
    dial_deadline_init(&rig.loop, &timeout, 0.05);
    server = ipv4("127.0.0.1");
    listener = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(listener, (struct sockaddr *)&server.address, server.length), 0);
    ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&server.address, &server.length), 0);
    ck_assert_int_eq(listen(listener, 16), 0);
    calls = 0;
}

static void teardown(void) {
    if (calls && result >= 0)
        ledger_close(&rig.loop.ledger, result);
    ck_assert_uint_eq(rig.loop.ledger.open_by_kind[FD_UPSTREAM], 0);
    close(listener);
    loop_rig_teardown(&rig);
}

static void await(void) {
    struct pollfd pause = {.fd = -1};
    for (int i = 0; i < 5000 && !calls; i++) {
        loop_rig_turn(&rig);
        poll(&pause, 1, 1);
    }
    ck_assert_int_eq(calls, 1);
}

START_TEST(taken)
{
    dial_begin(&dial, &rig.loop, &server, NULL, &timeout, done);
    await();
    ck_assert_int_ge(result, 0);
    ck_assert_uint_eq(rig.loop.ledger.open_by_kind[FD_UPSTREAM], 1);
    int client = accept(listener, NULL, NULL);
    ck_assert_int_eq(send(client, "x", 1, 0), 1);
    struct pollfd readable = {.fd = result, .events = POLLIN};
    char byte;
    ck_assert_int_eq(poll(&readable, 1, 5000), 1);
    ck_assert_int_eq(recv(result, &byte, 1, 0), 1);
    ck_assert_int_eq(recv(result, &byte, 1, 0), -1);
    ck_assert_int_eq(errno, EAGAIN); /* it does not block */
    close(client);
}
END_TEST

START_TEST(refused)
{
    close(listener);
    dial_begin(&dial, &rig.loop, &server, NULL, &timeout, done);
    await();
    ck_assert_int_eq(result, -ECONNREFUSED);
    listener = -1;
}
END_TEST

START_TEST(late)
{
    int crowd[8];
    ck_assert_int_eq(listen(listener, 0), 0); /* who comes when the backlog is full is not answered */
    for (size_t i = 0; i < 8; i++) {
        crowd[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        ck_assert(connect(crowd[i], (struct sockaddr *)&server.address, server.length) == 0 ||
                  errno == EINPROGRESS);
    }
    dial_begin(&dial, &rig.loop, &server, NULL, &timeout, done);
    ck_assert(dial_active(&dial));
    await();
    ck_assert_int_eq(result, -ETIMEDOUT);
    for (size_t i = 0; i < 8; i++)
        close(crowd[i]);
}
END_TEST

START_TEST(cancelled)
{
    dial_cancel(&(struct dial){0}); /* nothing is under way */
    dial_begin(&dial, &rig.loop, &server, NULL, &timeout, done);
    if (dial_active(&dial)) {
        ck_assert_uint_eq(rig.loop.ledger.open_by_kind[FD_UPSTREAM], 1);
        dial_cancel(&dial);
        ck_assert(!dial_active(&dial));
        for (int i = 0; i < 10; i++)
            loop_rig_turn(&rig);
        ck_assert_int_eq(calls, 0);
    }
}
END_TEST

START_TEST(from_an_address)
{
    struct dial_name source = ipv4("127.0.0.9");
    struct sockaddr_in peer;
    socklen_t size = sizeof(peer);
    dial_begin(&dial, &rig.loop, &server, &source, &timeout, done);
    await();
    int client = accept(listener, (struct sockaddr *)&peer, &size);
    ck_assert_uint_eq(peer.sin_addr.s_addr, htonl(0x7f000009));
    close(client);
}
END_TEST

START_TEST(from_a_foreign_address)
{
    struct dial_name source = ipv4("192.0.2.1");
    dial_begin(&dial, &rig.loop, &server, &source, &timeout, done);
    ck_assert_int_eq(calls, 1);
    ck_assert_int_eq(result, -EADDRNOTAVAIL);
}
END_TEST

START_TEST(full_backlog_of_a_unix_socket)
{
    struct sockaddr_un *un = (void *)&server.address;
    int crowd[8];
    close(listener);
    listener = socket(AF_UNIX, SOCK_STREAM, 0);
    server = (struct dial_name){.length = sizeof(sa_family_t)};
    un->sun_family = AF_UNIX; /* an abstract name of the kernel's choice */
    ck_assert_int_eq(bind(listener, (struct sockaddr *)un, server.length), 0);
    server.length = sizeof(server.address);
    ck_assert_int_eq(getsockname(listener, (struct sockaddr *)un, &server.length), 0);
    ck_assert_int_eq(listen(listener, 0), 0);
    for (size_t i = 0; i < 8; i++) {
        crowd[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
        connect(crowd[i], (struct sockaddr *)un, server.length);
    }
    dial_begin(&dial, &rig.loop, &server, NULL, &timeout, done);
    ck_assert_int_eq(calls, 1);
    ck_assert_int_eq(result, -EAGAIN);
    for (size_t i = 0; i < 8; i++)
        close(crowd[i]);
}
END_TEST

START_TEST(no_descriptor)
{
    struct rlimit limit, few = {3, 3};
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    few.rlim_max = limit.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
    dial_begin(&dial, &rig.loop, &server, NULL, &timeout, done);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    ck_assert_int_eq(calls, 1);
    ck_assert_int_eq(result, -EMFILE);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("dial");
    TCase *all = tcase_create("dial");
    tcase_add_checked_fixture(all, setup, teardown);
    tcase_set_timeout(all, 60);
    tcase_add_test(all, taken);
    tcase_add_test(all, refused);
    tcase_add_test(all, late);
    tcase_add_test(all, cancelled);
    tcase_add_test(all, from_an_address);
    tcase_add_test(all, from_a_foreign_address);
    tcase_add_test(all, full_backlog_of_a_unix_socket);
    tcase_add_test(all, no_descriptor);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
