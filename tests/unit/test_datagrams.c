/* Datagrams bring bytes, and nothing else. */
#include "reactor/datagrams.h"
#include "tests/unit/loop_rig.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83
#endif

static struct loop_rig rig;
static unsigned received;

static void take(void *context, struct span datagram, bool cut) {
    (void)context;
    ck_assert(!cut && span_equal(datagram, span_text("bytes")));
    received++;
}

static void end_batch(void *context, uint32_t dropped) {
    (void)context;
    ck_assert_uint_eq(dropped, 0);
}

static const struct datagrams_class class = {.received = take, .ended = end_batch};

static void send_with_descriptor(const char *path, int fd) {
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {
        .align = {.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))}};
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    struct iovec iov = {(char[]){"bytes"}, 5};
    struct msghdr message = {.msg_name = &name,
                             .msg_namelen = sizeof(name),
                             .msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof(control.room)};
    int sender = socket(AF_UNIX, SOCK_DGRAM, 0);
    strcpy(name.sun_path, path);
    memcpy(CMSG_DATA(&control.align), &fd, sizeof(fd));
    ck_assert_int_eq(sendmsg(sender, &message, 0), 5);
    close(sender);
}

START_TEST(descriptors_do_not_come_in)
{
    char directory[] = "/tmp/sluice-datagrams-XXXXXX", address[64], why[128], byte;
    int pipe_fds[2], on = 1;
    struct datagrams socket;
    loop_rig_setup(&rig);
    loop_rig_start(&rig);
    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(address, sizeof(address), "unixgram:%s/s", directory);
    ck_assert_int_eq(datagrams_open(&socket, &rig.loop, address, &class, NULL, why, sizeof(why)), 0);
    setsockopt(socket.io.fd, SOL_SOCKET, SO_PASSRIGHTS, &on, sizeof(on)); /* as on older kernels */
    ck_assert_int_eq(pipe2(pipe_fds, O_NONBLOCK), 0);
    send_with_descriptor(socket.address.path, pipe_fds[1]);
    close(pipe_fds[1]);
    while (received == 0)
        loop_rig_turn(&rig);
    ck_assert_int_eq(read(pipe_fds[0], &byte, 1), 0); /* nobody has the other end */
    close(pipe_fds[0]);
    datagrams_close(&socket);
    rmdir(directory);
    loop_rig_teardown(&rig);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("datagrams");
    TCase *tcase = tcase_create("datagrams");
    tcase_add_test(tcase, descriptors_do_not_come_in);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
