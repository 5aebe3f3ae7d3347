#include "reactor/http1_front.h"

#include "proto/chunked.h"
#include "reactor/conn.h"
#include "reactor/http1_reply.h"
#include "reactor/loop.h"

#include <errno.h>
#include <stdlib.h>

#define PROGRESS 1024u /* bytes of a body that count as progress within timeout_request */

/* What a connection keeps between reads, only while a head or a body is incomplete. */
struct intake {
    struct http1_scan scan;
    struct request *request; /* whose body is being received; NULL: none */
    const struct http_sink *sink;
    struct chunked chunked;
    enum http1_body kind;
    uint64_t left;     /* bytes of the body, or of a chunk as far as it has come */
    uint64_t taken;    /* bytes of the body so far */
    uint64_t progress; /* bytes since the deadline was set */
    bool paused;       /* the sink takes no more for now */
};

void http1_service_init(struct http1_service *service) {
    service->limits = HTTP1_LIMITS;
    service->dated = 0;
}

static struct intake *intake_of(struct conn *conn) {
    if (!conn->state)
        conn->state = calloc(1, sizeof(struct intake));
    return conn->state;
}

static void end_intake(struct conn *conn) {
    struct intake *intake = conn->state;
    if (intake && intake->request && intake->request->exchange)
        intake->request->exchange->receiving = false;
    free(intake);
    conn->state = NULL;
    conn->receiving = false;
}

static struct span pending_of(const struct conn *conn) {
    return conn->stream.in ? iobuf_pending(conn->stream.in) : span_of(NULL, 0);
}

/* A new exchange in the loop's scratch memory, for a request about to be answered. */
static struct exchange *scratch_exchange(struct loop *loop) {
    struct exchange *exchange = &loop->http->scratch;
    exchange->loop = loop;
    exchange->handler = NULL;
    exchange->params_count = 0;
    exchange->body = NULL;
    exchange->body_n = exchange->body_size = 0;
    exchange->state = NULL;
    exchange->drop = NULL;
    exchange->started_ns = loop->now_ns;
    exchange->replied_bytes = 0;
    exchange->status = 0;
    exchange->delivery = NULL;
    exchange->close = exchange->kept = exchange->expect_continue = exchange->receiving = false;
    exchange->siblings = exchange->coding = 0;
    exchange->request_id[0] = '\0';
    return exchange;
}

/* A request that is not over, because its handler has not replied or its reply has not left, outlives the scratch
 * exchange and the input buffer. True: it waits for a reply. */
static bool keep(struct loop *loop, uint64_t handle, struct span head) {
    struct request *request = request_find(loop, handle);
    if (!request)
        return false;
    struct exchange *kept =
        request->exchange->kept ? request->exchange : exchange_keep(request->exchange, head);
    if (kept) {
        request->exchange = kept;
    } else if (request->replied) {
        request->exchange = NULL;
        stream_abort(&request->conn->stream);
    } else {
        request_fail(request, STATUS_BUSY, "no memory; try again");
        return keep(loop, handle, head);
    }
    return !request->replied;
}

/* What follows cannot be told apart any more: an error, then the end. */
static void refuse(struct conn *conn, int status, const char *reason) {
    struct loop *loop = conn->stream.loop;
    struct request *request = request_new(conn);
    loop->stats.bad_frames++;
    conn->last = true;
    if (!request) {
        conn_finish(conn);
        return;
    }
    struct exchange *exchange = scratch_exchange(loop);
    exchange->head.fields.n = 0;
    exchange->head.method = HTTP1_GET;
    exchange->head.method_name = exchange->head.target = exchange->path = exchange->head.query =
        span_of(NULL, 0);
    exchange->head.minor = 1;
    exchange->close = true;
    request->exchange = exchange;
    uint64_t handle = request_handle(request);
    http1_reply_error(request, status, status == 400 ? "BAD_REQUEST" : http1_reason(status), reason);
    keep(loop, handle, span_of("", 0));
}

static void run(struct request *request) {
    struct exchange *exchange = request->exchange;
    exchange->handler->run(request, exchange);
}

static void set_progress_deadline(struct conn *conn) {
    conn->receiving = true;
    deadline_set(&conn->stream.read_by, &conn->stream.loop->request_deadline);
}

/* ---- bodies ------------------------------------------------------------------------------------ */

static size_t gather(struct request *request, struct span data) {
    struct exchange *exchange = request->exchange;
    if (exchange_reserve(exchange, data.n) != 0)
        return 0;
    memcpy(exchange->body + exchange->body_n, data.p, data.n);
    exchange->body_n += data.n;
    return data.n;
}

/* The body is gathered, then the handler runs. */
static const struct http_sink gathering = {.data = gather, .end = run};

/* The body of a request will follow; its head is kept meanwhile. False: it will not be received. */
static bool expect_body(struct conn *conn, struct request *request, struct span head) {
    struct loop *loop = conn->stream.loop;
    const struct http1_framing *framing = &request->exchange->head.framing;
    const struct http_handler *handler = request->exchange->handler;
    struct intake *intake = intake_of(conn);
    if (!intake || !keep(loop, request_handle(request), head)) {
        conn->last = true;
        return false;
    }
    if (framing->body == HTTP1_BODY_LENGTH && framing->length > handler->body_limit) {
        conn->last = true;
        request_fail(request, STATUS_TOO_LARGE, "the body is larger than this route takes");
        return false;
    }
    *intake = (struct intake){.request = request,
                              .sink = handler->sink ? handler->sink : &gathering,
                              .kind = framing->body,
                              .left = framing->body == HTTP1_BODY_LENGTH ? framing->length : 0};
    request->exchange->expect_continue = framing->expect_continue;
    request->exchange->receiving = true;
    set_progress_deadline(conn);
    return true;
}

/* Answers a request, or has its handler do it now or when its body is there. */
static void start(struct conn *conn, struct request *request, struct exchange *exchange, struct span head) {
    struct http1_service *service = conn->stream.loop->http;
    bool has_body = exchange->head.framing.body != HTTP1_BODY_NONE;
    exchange->path = exchange->head.path;
    if (exchange->head.form != HTTP1_ASTERISK && exchange->head.form != HTTP1_AUTHORITY &&
        uri_normalise(exchange->head.path, service->path, HTTP1_PATH_ROOM, &exchange->path) != 0) {
        conn->last |= has_body;
        request_fail(request, STATUS_BAD_REQUEST, "the path is malformed or climbs above its root");
        return;
    }
    if (!conn_admit(conn, request)) {
        conn->last |= has_body;
        return;
    }
    exchange->handler = service->route(service, request, exchange);
    bool early = exchange->handler->early;
    if (has_body && !early && (!expect_body(conn, request, head) || !exchange->handler->sink))
        return;
    if (has_body && early)
        conn->last = exchange->close = true;
    run(request);
}

static void begin(struct conn *conn, struct exchange *exchange, struct span head) {
    struct request *request = request_new(conn);
    if (!request)
        return;
    uint64_t handle = request_handle(request);
    iobuf_parsed(conn->stream.in, head.n);
    request->exchange = exchange;
    if (!exchange->head.framing.keep_alive) {
        exchange->close = true;
        conn->last = true;
    }
    start(conn, request, exchange, head);
    keep(conn->stream.loop, handle, head);
}

/* The next head. False: it is not complete, or the connection is over. */
static bool take_head(struct conn *conn) {
    struct http1_service *service = conn->stream.loop->http;
    struct span pending = iobuf_pending(conn->stream.in);
    struct intake *intake = conn->state;
    struct http1_scan fresh = {0}, *scan = intake ? &intake->scan : &fresh;
    struct exchange *exchange = scratch_exchange(conn->stream.loop);
    exchange->head.fields = (struct http1_fields){service->fields, 0, HTTP1_FIELDS_MAX};
    struct http1_verdict verdict =
        http1_decode(scan, pending.p, pending.n, &service->limits, &exchange->head);
    if (verdict.kind == VERDICT_BAD) {
        refuse(conn, verdict.http_status, verdict.reason);
        return false;
    }
    if (verdict.kind == VERDICT_FRAME) {
        end_intake(conn);
        if (deadline_is(&conn->stream.read_by, &conn->stream.loop->request_deadline))
            deadline_clear(&conn->stream.read_by); /* it was for this head; the next one has its own */
        begin(conn, exchange, span_of(pending.p, verdict.n));
        return true;
    }
    if (http1_scan_idle(scan, pending.n)) {
        end_intake(conn);
        iobuf_parsed(conn->stream.in, pending.n);
    } else if (intake || (intake = intake_of(conn))) {
        if (scan == &fresh)
            intake->scan = fresh;
    }
    return false;
}

/* 100 may go only when no earlier reply is due; until then the connection is paused and the client not late. */
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

/* Gives the sink what is pending of the data in hand. */
static enum taken take_data(struct conn *conn, struct intake *intake) {
    struct span pending = pending_of(conn);
    struct request *request = intake->request;
    size_t n = pending.n < intake->left ? pending.n : (size_t)intake->left;
    if (intake->kind == HTTP1_BODY_CHUNKED && intake->taken + n > request->exchange->handler->body_limit)
        return TAKEN_TOO_MUCH;
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

/* Takes what is pending into the sink. */
static enum taken take_bytes(struct conn *conn, struct intake *intake) {
    enum taken result = TAKEN_SOME;
    while (result == TAKEN_SOME) {
        struct span pending = pending_of(conn), rest = pending, data;
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
        if (event == CHUNKED_MORE)
            return TAKEN_SOME;
        if (event != CHUNKED_DATA)
            return event == CHUNKED_END ? TAKEN_ALL : TAKEN_BAD;
    }
    return result;
}

/* The body ends before its time. */
static void cut_body(struct conn *conn, int status, const char *name, const char *reason) {
    const struct intake *intake = conn->state;
    struct request *request = intake->request;
    const struct http_sink *sink = intake->sink;
    uint64_t handle = request_handle(request);
    end_intake(conn);
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
    const struct intake *intake = conn->state;
    int status = intake->chunked.http_status;
    if (result == TAKEN_BAD)
        cut_body(conn, status, status == 400 ? "BAD_REQUEST" : http1_reason(status), intake->chunked.reason);
    else if (result == TAKEN_TOO_MUCH)
        cut_body(conn, 413, "TOO_LARGE", "the body is larger than this route takes");
    else
        cut_body(conn, 503, "BUSY", "no memory for the body (request_bytes_total); try again");
}

static void pause_body(struct conn *conn, struct intake *intake) {
    conn->paused = intake->paused = true;
    conn_watch_unread(conn); /* it is not the client who is late */
}

/* Goes on with a body. False: wait for more of it, or the connection is over. */
static bool take_body(struct conn *conn) {
    struct intake *intake = conn->state;
    struct request *request = intake->request;
    if (pending_of(conn).n == 0) {
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
    end_intake(conn);
    sink->end(request);
    return true;
}

void http1_resume(struct request *request) {
    const struct intake *intake = request->conn->state;
    if (intake && intake->request == request && intake->paused)
        stream_wake(&request->conn->stream);
}

bool http1_switch(struct request *request, const struct http_sink *sink) {
    struct conn *conn = request->conn;
    struct intake *intake = intake_of(conn);
    if (!intake)
        return false;
    *intake =
        (struct intake){.request = request, .sink = sink, .kind = HTTP1_BODY_TUNNEL, .left = UINT64_MAX};
    conn->receiving = conn->last = true;
    deadline_clear(&conn->stream.read_by);
    conn->paused = true; /* what the client has sent already is parsed with this turn's flush */
    stream_wake(&conn->stream);
    return true;
}

/* The client ended its side inside a body: the end of a tunnel's, no end of any other. Requests before it are still
 * answered. */
static void stopped(struct conn *conn) {
    struct intake *intake = conn->state;
    if (intake->kind != HTTP1_BODY_TUNNEL) {
        cut_body(conn, 400, "BAD_REQUEST", "the connection ended inside the body");
        return;
    }
    const struct http_sink *sink = intake->sink;
    struct request *request = intake->request;
    end_intake(conn);
    sink->end(request);
}

static void parse(struct conn *conn) {
    for (;;) {
        struct intake *intake = conn->state;
        if (intake && intake->request) {
            if (conn->stream.dying || !take_body(conn))
                return;
        } else if (!conn_may_parse(conn) || pending_of(conn).n == 0 || !take_head(conn)) {
            return;
        }
    }
}

static void fail(struct request *request, enum status status, const char *text) {
    http1_reply_error(request, status_http(status), status_name(status), text);
}

static void ended(struct request *request) {
    struct http1_service *service = request_loop(request)->http;
    struct exchange *exchange = request->exchange;
    struct intake *intake = request->conn->state;
    if (intake && intake->request == request) { /* replied before all of the body had come */
        end_intake(request->conn);
        request->conn->last = true;
    }
    if (service->ended)
        service->ended(service, request, exchange);
    request->exchange = NULL;
    exchange_end(exchange);
}

static void late(struct conn *conn) {
    struct intake *intake = conn->state;
    if (!intake || !intake->request) {
        refuse(conn, 408, "the head of the request did not arrive in time");
        return;
    }
    cut_body(conn, 408, "TIMEOUT", "the body of the request did not arrive in time");
}

static void closed(struct conn *conn) {
    end_intake(conn);
}

const struct front http1_front = {
    .protocol = PROTOCOL_HTTP1,
    .name = "http",
    .parse = parse,
    .fail = fail,
    .late = late,
    .stopped = stopped,
    .ended = ended,
    .closed = closed,
};
