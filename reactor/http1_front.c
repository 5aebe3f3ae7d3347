#include "reactor/http1_front.h"

#include "reactor/conn.h"
#include "reactor/http1_reply.h"
#include "reactor/loop.h"

#include <errno.h>
#include <stdlib.h>

void http1_service_init(struct http1_service *service) {
    service->limits = HTTP1_LIMITS;
    service->dated = 0;
}

/* A new exchange in the loop's scratch memory, for a request about to be answered. Set field by field: head and
 * params, most of its bytes, need no clearing. */
static struct exchange *scratch_exchange(struct loop *loop) {
    struct exchange *exchange = &loop->http->scratch;
    exchange->loop = loop;
    exchange->handler = NULL;
    exchange->params_count = exchange->methods = 0;
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

/* Keeps the exchange of a request that outlives the scratch exchange and the input buffer. False: no memory. */
static bool keep(struct request *request, struct span head) {
    struct exchange *kept =
        request->exchange->kept ? request->exchange : exchange_keep(request->exchange, head);
    if (kept)
        request->exchange = kept;
    return kept != NULL;
}

/* After start(): keeps the exchange of a request whose handler has not replied, or whose reply has not left. Its
 * handler is already at work and cannot be told that there is no memory, so it is told that the client has left. */
static void go_on(struct loop *loop, uint64_t handle, struct span head) {
    struct request *request = request_find(loop, handle);
    if (!request || keep(request, head))
        return;
    stream_abort(&request->conn->stream);
    if (request->released)
        request->exchange = NULL; /* what is in the queue ends with the stream */
    else
        request_abandon(request);
}

/* The rest of the input cannot be parsed: an error reply, then the end. told: the request line, as far as it is
 * known. */
static void refuse(struct conn *conn, struct http1_request told, int status, const char *reason) {
    struct loop *loop = conn->stream.loop;
    struct request *request = request_new(conn);
    loop->stats.bad_frames++;
    conn->last = true;
    if (!request) {
        conn_finish(conn);
        return;
    }
    struct exchange *exchange = scratch_exchange(loop);
    struct span last = told.target.n ? told.target : told.method_name;
    exchange->head = (struct http1_request){.method = told.method,
                                            .method_name = told.method_name,
                                            .target = told.target,
                                            .minor = 1,
                                            .fields = {.list = loop->http->fields}};
    exchange->path = span_of(NULL, 0);
    exchange->close = true;
    request->exchange = exchange;
    uint64_t handle = request_handle(request);
    http1_reply_error(request, status, status == 408 ? status_name(STATUS_TIMEOUT) : NULL, reason);
    go_on(loop, handle,
          last.n ? span_of(told.method_name.p, (size_t)(last.p + last.n - told.method_name.p))
                 : span_of("", 0));
}

/* The body of a request will follow; its head is kept meanwhile. False: it will not be received. */
static bool expect_body(struct conn *conn, struct request *request, struct span head) {
    const struct http1_framing *framing = &request->exchange->head.framing;
    bool last = conn->last;
    conn->last = true; /* unless it is received, nothing after it can be */
    if (framing->body == HTTP1_BODY_LENGTH && framing->length > request->exchange->handler->body_limit) {
        request_fail(request, STATUS_TOO_LARGE, "the body is larger than this route takes");
        return false;
    }
    if (!http1_intake_of(conn) || !keep(request, head)) {
        request_fail(request, STATUS_BUSY, "no memory; try again");
        return false;
    }
    conn->last = last;
    http1_intake_begin(conn, request);
    return true;
}

/* Answers a request, or has its handler do so, now or when its body has come. */
static void start(struct conn *conn, struct request *request, struct exchange *exchange, struct span head) {
    struct http1_service *service = conn->stream.loop->http;
    bool has_body = exchange->head.framing.body != HTTP1_BODY_NONE, close = exchange->close;
    bool has_path = exchange->head.form != HTTP1_ASTERISK && exchange->head.form != HTTP1_AUTHORITY;
    exchange->close |= has_body; /* nothing can be read after a body that is not received */
    exchange->path = exchange->head.path;
    if (has_path &&
        uri_normalise(exchange->head.path, service->path, HTTP1_PATH_ROOM, &exchange->path) != 0) {
        request_fail(request, STATUS_BAD_REQUEST, "the path is malformed or climbs above its root");
        return;
    }
    if (!conn_admit(conn, request))
        return;
    exchange->handler = service->route(service, request, exchange);
    if (exchange->handler->early) {
        conn->last |= has_body;
    } else {
        exchange->close = close;
        if (has_body && (!expect_body(conn, request, head) || !exchange->handler->sink))
            return;
    }
    exchange = request->exchange; /* kept, if a body is expected */
    exchange->handler->run(request, exchange);
}

static void begin(struct conn *conn, struct exchange *exchange, struct span head) {
    struct request *request = request_new(conn);
    if (!request) { /* conn_may_parse() would have said so */
        stream_abort(&conn->stream);
        return;
    }
    uint64_t handle = request_handle(request);
    iobuf_parsed(conn->stream.in, head.n);
    request->exchange = exchange;
    if (!exchange->head.framing.keep_alive) {
        exchange->close = true;
        conn->last = true;
    }
    start(conn, request, exchange, head);
    go_on(conn->stream.loop, handle, head);
}

/* RFC 9112, 9.3.2: of a pipeline, only requests with safe methods may be in progress at the same time. True: this one
 * stays in the buffer until those before it are answered. */
static bool must_wait(struct conn *conn, const struct http1_request *head) {
    if (!conn->ordered || http1_method_is_safe(head->method))
        return false;
    conn->alone = conn->paused = true;
    return true;
}

/* Takes the next head. False: it is incomplete or has to wait, or the connection is over. */
static bool take_head(struct conn *conn) {
    struct http1_service *service = conn->stream.loop->http;
    struct span pending = iobuf_pending(conn->stream.in);
    struct http1_intake *intake = conn->state;
    struct http1_scan fresh = {0}, *scan = intake ? &intake->scan : &fresh;
    struct exchange *exchange = scratch_exchange(conn->stream.loop);
    exchange->head.fields = (struct http1_fields){service->fields, 0, HTTP1_FIELDS_MAX};
    struct http1_verdict verdict =
        http1_decode(scan, pending.p, pending.n, &service->limits, &exchange->head);
    if (verdict.kind == VERDICT_BAD) {
        refuse(conn, exchange->head, verdict.http_status, verdict.reason);
        return false;
    }
    if (verdict.kind == VERDICT_FRAME && must_wait(conn, &exchange->head))
        return false;
    if (verdict.kind == VERDICT_FRAME) {
        http1_intake_end(conn);
        if (deadline_is(&conn->stream.read_by, &conn->stream.loop->request_deadline))
            deadline_clear(&conn->stream.read_by); /* it was for this head; the next one has its own */
        begin(conn, exchange, span_of(pending.p, verdict.n));
        return true;
    }
    if (http1_scan_idle(scan, pending.n)) {
        http1_intake_end(conn);
        iobuf_parsed(conn->stream.in, pending.n);
    } else if (intake || (intake = http1_intake_of(conn))) {
        if (scan == &fresh)
            intake->scan = fresh;
    }
    return false;
}

static void parse(struct conn *conn) {
    for (;;) {
        struct http1_intake *intake = conn->state;
        if (intake && intake->request) {
            if (conn->stream.dying || !http1_intake_take(conn))
                return;
        } else if (!conn_may_parse(conn) || stream_pending(&conn->stream).n == 0 || !take_head(conn)) {
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
    struct http1_intake *intake = request->conn->state;
    if (intake && intake->request == request) { /* replied to before the whole body had come */
        http1_intake_end(request->conn);
        request->conn->last = true;
    }
    if (!request->released) { /* a reply that was given waited for its turn, which did not come */
        exchange->status = 0;
        exchange->replied_bytes = 0;
    }
    if (service->ended)
        service->ended(service, request, exchange);
    request->exchange = NULL;
    exchange_end(exchange);
}

/* A head did not arrive in time; its request line may be complete. */
static void refuse_late(struct conn *conn) {
    struct http1_service *service = conn->stream.loop->http;
    struct span pending = stream_pending(&conn->stream);
    struct http1_scan again = {0};
    struct http1_request told = {.fields = {service->fields, 0, HTTP1_FIELDS_MAX}};
    http1_decode(&again, pending.p, pending.n, &service->limits, &told);
    refuse(conn, told, 408, "the head of the request did not arrive in time");
}

static void late(struct conn *conn) {
    const struct http1_intake *intake = conn->state;
    if (intake && intake->request)
        http1_intake_cut(conn, 408, "TIMEOUT", "the body of the request did not arrive in time");
    else
        refuse_late(conn);
}

const struct front http1_front = {
    .protocol = PROTOCOL_HTTP1,
    .name = "http",
    .parse = parse,
    .fail = fail,
    .late = late,
    .stopped = http1_intake_stop,
    .ended = ended,
    .closed = http1_intake_end,
};
