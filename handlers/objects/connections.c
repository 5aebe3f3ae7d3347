#include "handlers/objects/connections.h"

#include "reactor/conn.h"
#include "reactor/front.h"
#include "reactor/listener.h"
#include "reactor/loop.h"
#include "reactor/pieces.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#define EACH_TURN 256

/* A list in the making. */
struct listing {
    struct piecework work; /* first */
    struct loop *loop;
    uint64_t request; /* handle: the client may leave */
    connections_done *done;
    const struct conn *last; /* the slot of the last one that was looked at */
    FILE *out;
    char *text;
    size_t n;
    bool failed, any;
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

static void add(struct listing *listing, const struct conn *conn) {
    json_t *row = connection_json(listing->loop, conn);
    if (listing->any)
        fputc(',', listing->out);
    listing->any = true;
    listing->failed |= !row || json_dumpf(row, listing->out, JSON_COMPACT | JSON_REAL_PRECISION(6)) != 0;
    json_decref(row);
}

static void end(struct listing *listing, struct request *request) {
    if (listing->out) {
        fputc(']', listing->out);
        listing->failed |= ferror(listing->out) != 0;
        listing->failed |= fclose(listing->out) != 0;
    }
    if (listing->failed || !request) {
        free(listing->text);
        listing->text = NULL;
    }
    if (request)
        listing->done(request, listing->text, listing->text ? listing->n : 0);
    free(listing);
}

static bool step(struct piecework *work) {
    struct listing *listing = (struct listing *)(void *)work;
    struct loop *loop = listing->loop;
    struct request *request = request_find(loop, listing->request);
    const struct conn *conn = NULL;
    if (request && !listing->out) {
        listing->out = open_memstream(&listing->text, &listing->n);
        listing->failed = !listing->out || fputc('[', listing->out) == EOF;
    }
    for (int i = 0; i < EACH_TURN && request && !listing->failed; i++) {
        conn = slots_next(&loop->conns, listing->last);
        if (!conn)
            break;
        add(listing, conn);
        listing->last = conn;
    }
    if (conn && !listing->failed)
        return true;
    end(listing, request);
    return false;
}

void connections_list(struct request *request, connections_done *done) {
    struct listing *listing = calloc(1, sizeof(*listing));
    if (!listing) {
        done(request, NULL, 0);
        return;
    }
    listing->work.step = step;
    listing->loop = request_loop(request);
    listing->request = request_handle(request);
    listing->done = done;
    pieces_add(&listing->loop->pieces, &listing->work);
}
