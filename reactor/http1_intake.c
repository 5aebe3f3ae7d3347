#include "reactor/http1_intake.h"

#include "reactor/conn.h"
#include "reactor/http1_front.h"
#include "reactor/http1_reply.h"
#include "reactor/loop.h"

#include <stdlib.h>

#define PROGRESS 1024u /* bytes of a body that count as progress within timeout_request */

struct http1_intake *http1_intake_of(struct conn *conn) {
    if (!conn->state)
        conn->state = calloc(1, sizeof(struct http1_intake));
    return conn->state;
}

void http1_intake_end(struct conn *conn) {
    struct http1_intake *intake = conn->state;
    if (intake && intake->request && intake->request->exchange)
        intake->request->exchange->receiving = false;
    free(intake);
    conn->state = NULL;
    conn->receiving = false;
}

void http1_intake_skip_rest(struct conn *conn) {
    http1_intake_end(conn);
    conn->last = true;
    conn_watch_unread(conn);
}

static void set_progress_deadline(struct conn *conn) {
    conn->receiving = true;
    deadline_set(&conn->stream.read_by, &conn->stream.loop->request_deadline);
}

static size_t gather(struct request *request, struct span data) {
    struct exchange *exchange = request->exchange;
    if (exchange_reserve(exchange, data.n) != 0)
        return 0;
    memcpy(exchange->body + exchange->body_n, data.p, data.n);
    exchange->body_n += data.n;
    return data.n;
}

static void run(struct request *request) {
    request->exchange->handler->run(request, request->exchange);
}

/* The body is gathered, then the handler runs. */
static const struct http_sink gathering = {.data = gather, .end = run};

void http1_intake_begin(struct conn *conn, struct request *request) {
    const struct http1_framing *framing = &request->exchange->head.framing;
    const struct http_sink *sink = request->exchange->handler->sink;
    struct http1_intake *intake = conn->state;
    *intake = (struct http1_intake){.request = request,
                                    .sink = sink ? sink : &gathering,
                                    .kind = framing->body,
                                    .left = framing->body == HTTP1_BODY_LENGTH ? framing->length : 0};
    request->exchange->expect_continue = framing->expect_continue;
    request->exchange->receiving = true;
    set_progress_deadline(conn);
}

/* 100 may be sent only when no earlier reply is due; until then the connection is paused and the client is not late. */
static void send_continue(struct conn *conn, struct exchange *exchange) {
    static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    struct http1_service *service = conn->stream.loop->http;
    if (!exchange->expect_continue)
        return;
    conn->paused = conn->open > 1;
    if (conn->paused) {
        conn_watch_unread(conn);
        return;
    }
    exchange->expect_continue = false;
    set_progress_deadline(conn);
    if (service->interim)
        service->interim(service);
    stream_send(&conn->stream, span_of(text, sizeof(text) - 1), span_of(NULL, 0), -1, NULL);
}

enum taken { TAKEN_SOME, TAKEN_PAUSED, TAKEN_ALL, TAKEN_TOO_MUCH, TAKEN_BAD };

/* Passes pending bytes of the current data to the sink. */
static enum taken take_data(struct conn *conn, struct http1_intake *intake) {
    struct span pending = stream_pending(&conn->stream);
    struct request *request = intake->request;
    size_t n = pending.n < intake->left ? pending.n : (size_t)intake->left;
    size_t taken = intake->sink->data(request, span_of(pending.p, n));
    if (conn->state != intake)
        return TAKEN_PAUSED; /* it has replied, and that was the end of the request */
    if (intake->left != UINT64_MAX)
        intake->left -= taken;
    intake->taken += taken;
    intake->progress += taken;
    iobuf_parsed(conn->stream.in, taken);
    return taken < n ? TAKEN_PAUSED : TAKEN_SOME;
}

/* Known from a chunk's size, before its bytes arrive. */
static bool chunk_exceeds(const struct http1_intake *intake) {
    uint64_t known = intake->taken + intake->left + chunked_left(&intake->chunked);
    return known > intake->request->exchange->handler->body_limit;
}

/* Takes what is pending into the sink. */
static enum taken take_bytes(struct conn *conn, struct http1_intake *intake) {
    enum taken result = TAKEN_SOME;
    while (result == TAKEN_SOME) {
        struct span pending = stream_pending(&conn->stream), rest = pending, data;
        if (intake->left > 0) {
            if (pending.n == 0)
                return TAKEN_SOME;
            result = take_data(conn, intake);
            continue;
        }
        if (intake->kind != HTTP1_BODY_CHUNKED)
            return TAKEN_ALL;
        enum chunked_event event = chunked_decode(&intake->chunked, &rest, &data);
        if (event == CHUNKED_DATA) {
            intake->left = data.n;
            rest = data;
        }
        iobuf_parsed(conn->stream.in, (size_t)(rest.p - pending.p));
        if (event != CHUNKED_BAD && chunk_exceeds(intake))
            return TAKEN_TOO_MUCH;
        if (event == CHUNKED_MORE)
            return TAKEN_SOME;
        if (event != CHUNKED_DATA)
            return event == CHUNKED_END ? TAKEN_ALL : TAKEN_BAD;
    }
    return result;
}

void http1_intake_cut(struct conn *conn, int status, const char *name, const char *reason) {
    const struct http1_intake *intake = conn->state;
    struct request *request = intake->request;
    const struct http_sink *sink = intake->sink;
    uint64_t handle = request_handle(request);
    http1_intake_end(conn);
    conn->last = true;
    if (sink->cut)
        sink->cut(request);
    if (!request_find(conn->stream.loop, handle))
        return;
    if (request->replied)
        stream_abort(&conn->stream);
    else
        http1_reply_error(request, status, name, reason);
}

static void fail_body(struct conn *conn, enum taken result) {
    const struct http1_intake *intake = conn->state;
    if (result == TAKEN_BAD)
        http1_intake_cut(conn, intake->chunked.http_status, NULL, intake->chunked.reason);
    else if (result == TAKEN_TOO_MUCH)
        http1_intake_cut(conn, 413, "TOO_LARGE", "the body is larger than this route takes");
    else
        http1_intake_cut(conn, 503, "BUSY", "no memory for the body (request_bytes_total); try again");
}

static void pause_body(struct conn *conn, struct http1_intake *intake) {
    conn->paused = intake->paused = true;
    conn_watch_unread(conn); /* it is not the client who is late */
}

bool http1_intake_take(struct conn *conn) {
    struct http1_intake *intake = conn->state;
    struct request *request = intake->request;
    if (stream_pending(&conn->stream).n == 0) {
        send_continue(conn, request->exchange);
        return false;
    }
    bool resumed = intake->paused;
    request->exchange->expect_continue = intake->paused = false;
    enum taken result = take_bytes(conn, intake);
    bool gone = conn->stream.dying || conn->state != intake;
    if (gone)
        return false;
    if (result == TAKEN_PAUSED && intake->sink != &gathering) {
        pause_body(conn, intake);
        return false;
    }
    if (result == TAKEN_SOME) {
        if ((intake->progress >= PROGRESS || resumed) && intake->kind != HTTP1_BODY_TUNNEL) {
            intake->progress = 0;
            set_progress_deadline(conn);
        }
        return false;
    }
    if (result != TAKEN_ALL) {
        fail_body(conn, result);
        return false;
    }
    const struct http_sink *sink = intake->sink;
    http1_intake_end(conn);
    sink->end(request);
    return true;
}

void http1_resume(struct request *request) {
    const struct http1_intake *intake = request->conn->state;
    if (intake && intake->request == request && intake->paused)
        stream_wake(&request->conn->stream);
}

bool http1_switch(struct request *request, const struct http_sink *sink) {
    struct conn *conn = request->conn;
    struct http1_intake *intake = http1_intake_of(conn);
    if (!intake)
        return false;
    *intake = (struct http1_intake){
        .request = request, .sink = sink, .kind = HTTP1_BODY_TUNNEL, .left = UINT64_MAX};
    conn->receiving = conn->last = true;
    deadline_clear(&conn->stream.read_by);
    conn->paused = true; /* what the client has sent already is parsed with this turn's flush */
    stream_wake(&conn->stream);
    return true;
}

/* Requests before it are still answered. */
void http1_intake_stop(struct conn *conn) {
    struct http1_intake *intake = conn->state;
    if (intake->kind != HTTP1_BODY_TUNNEL) {
        http1_intake_cut(conn, 400, "BAD_REQUEST", "the connection ended inside the body");
        return;
    }
    const struct http_sink *sink = intake->sink;
    struct request *request = intake->request;
    http1_intake_end(conn);
    sink->end(request);
}
