#include "tests/unit/loop_rig.h"

#include "proto/frame.h"
#include "reactor/listener.h"
#include "reactor/slc1.h"

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void loop_rig_setup(struct loop_rig *rig) {
    *rig = (struct loop_rig){
        .settings = {.connections = 16,
                     .pipeline = 64,
                     .open_files = 16,
                     .fd_window = 256,
                     .fds_per_uid = 1000,
                     .fds_in_flight = 1000,
                     .drain_timeout = 10,
                     .accept_batch = 32,
                     .bytes_connection = 128 * 1024,
                     .bytes_total = 16 * 1024 * 1024,
                     .request_bytes_total = 1024 * 1024,
                     .turn_bytes = 256 * 1024},
        .offload = {.pool = 1,
                    .handler_threads = 1,
                    .queue_depth = 16,
                    .inline_max = 16384,
                    .chunk = 65536,
                    .spot_budget = 1,
                    .uring = URING_OFF},
        .listen = {.backlog = 16},
    };
    for (size_t i = 0; i < listen_settings_table.count; i++) {
        const struct setting *row = &listen_settings_table.rows[i];
        if (row->kind == SETTING_TEXT || setting_joint(row))
            *(const char **)(void *)((char *)&rig->listen + row->offset) = row->initial;
    }
}

void loop_rig_start(struct loop_rig *rig) {
    snprintf(rig->address, sizeof(rig->address), "unix:@sluice-test-%d", (int)getpid());
    rig->listen.address = rig->address;
    ck_assert_int_eq(loop_init(&rig->loop, &rig->settings, &rig->offload, NULL, rig->why, sizeof(rig->why)),
                     0);
    rig->loop.fronts[PROTOCOL_SLC1] = &slc1_front;
    ck_assert_int_eq(listener_open(&rig->loop, &rig->listen, rig->why, sizeof(rig->why)), 0);
}

void loop_rig_teardown(struct loop_rig *rig) {
    ck_assert(loop_end(&rig->loop));
    loop_free(&rig->loop);
}

void loop_rig_turn(struct loop_rig *rig) {
    ev_run(rig->loop.ev, EVRUN_NOWAIT);
}

int loop_rig_connect(struct loop_rig *rig, struct conn **conn) {
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    const char *text = rig->address + sizeof("unix:@") - 1;
    memcpy(name.sun_path + 1, text, strlen(text));
    int client = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(text));
    ck_assert_int_eq(connect(client, (struct sockaddr *)&name, size), 0);
    uint64_t accepted = rig->loop.stats.accepted;
    while (rig->loop.stats.accepted == accepted)
        ev_run(rig->loop.ev, EVRUN_ONCE);
    *conn = NULL;
    for (struct conn *each = NULL; (each = slots_next(&rig->loop.conns, each));)
        *conn = each;
    return client;
}

void loop_rig_receive(struct loop_rig *rig, int client, void *bytes, size_t n) {
    struct pollfd readable = {.fd = client, .events = POLLIN};
    for (size_t got = 0; got < n;) {
        ssize_t more = recv(client, (char *)bytes + got, n - got, 0);
        if (more == 0)
            return;
        if (more > 0) {
            got += (size_t)more;
            continue;
        }
        ck_assert_int_eq(errno, EAGAIN);
        loop_rig_turn(rig);
        poll(&readable, 1, 10); /* a deadline of the loop may be what it takes */
    }
}

void loop_rig_send(struct loop_rig *rig, int client, char op, const char *payload) {
    char bytes[FRAME_HEADER + 256];
    size_t n = strlen(payload);
    struct frame frame = {.op = (uint8_t)op, .length = (uint32_t)n};
    frame_encode(bytes, FRAME_SLC1, &frame);
    memcpy(bytes + FRAME_HEADER, payload, n);
    ck_assert_int_eq(send(client, bytes, FRAME_HEADER + n, 0), (ssize_t)(FRAME_HEADER + n));
    loop_rig_turn(rig);
}
