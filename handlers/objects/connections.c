#include "handlers/objects/connections.h"

#include "reactor/conn.h"
#include "reactor/front.h"
#include "reactor/listener.h"
#include "reactor/loop.h"

#include <jansson.h>
#include <stdlib.h>

struct connections {
    struct rows rows;        /* first */
    const struct conn *last; /* the slot of the last connection that was looked at */
};

static const char *state_of(const struct conn *conn) {
    if (conn->stream.closing || conn->stream.dying)
        return "closing";
    if (conn->window.paused)
        return "fd window";
    if (conn->stream.writing)
        return "sending";
    return conn->open ? "working" : conn->stream.in ? "receiving" : "idle";
}

static json_t *connection_json(const struct loop *loop, const struct conn *conn) {
    char peer[80], listener[ADDRESS_TEXT];
    double now = loop_now(loop);
    conn_peer_text(conn, peer, sizeof(peer));
    address_print(&conn->listener->address, listener, sizeof(listener));
    const struct peer_key *key = &conn->peer->key;
    json_t *row =
        json_pack("{s:I, s:s, s:s, s:s, s:f, s:f, s:I, s:I, s:I, s:I, s:I, s:s}", "id",
                  (json_int_t)conn_handle(conn), "peer", peer, "listener", listener, "protocol",
                  conn->front ? conn->front->name : "none", "age", now - conn->opened, "idle",
                  now - conn->active, "requests", (json_int_t)conn->total, "open", (json_int_t)conn->open,
                  "bytes_in", (json_int_t)conn->stream.received, "bytes_out", (json_int_t)conn->stream.sent,
                  "fds_in_flight", (json_int_t)conn->window.in_flight, "state", state_of(conn));
    if (row && key->family == AF_UNIX) {
        json_object_set_new(row, "uid", json_integer(key->uid));
        json_object_set_new(row, "pid", json_integer(conn->pid));
    }
    return row;
}

static bool next(struct rows *rows) {
    struct connections *connections = (struct connections *)(void *)rows;
    const struct conn *conn = slots_next(&rows->loop->conns, connections->last);
    if (!conn)
        return false;
    connections->last = conn;
    json_t *row = connection_json(rows->loop, conn);
    rows->failed |= !row || json_dumpf(row, rows_row(rows), JSON_COMPACT | JSON_REAL_PRECISION(6)) != 0;
    json_decref(row);
    return true;
}

void connections_list(struct request *request, rows_done *done) {
    struct connections *connections = calloc(1, sizeof(*connections));
    rows_start(connections ? &connections->rows : NULL, request, next, done);
}
