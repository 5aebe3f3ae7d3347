#include "reactor/rpc_front.h"

#include "proto/frame.h"
#include "proto/lines.h"
#include "reactor/conn.h"
#include "reactor/loop.h"
#include "reactor/memory_body.h"

#include <errno.h>
#include <stdlib.h>

#define OP_JSON      'J'
#define COPIED_MAX   3072u      /* shorter replies are copied, so that those of a pipeline leave together */
#define NOTIFIED_MAX (1u << 18) /* a client with more bytes waiting for it gets no notifications */

/* What a connection keeps: only while a line is incomplete, or with a session. */
struct rpc_conn {
    size_t seen; /* pending bytes without a newline */
    void *session;
};

static struct rpc_service *service_of(const struct conn *conn) {
    return conn->stream.loop->rpc;
}

static struct rpc_conn *state_of(struct conn *conn) {
    if (!conn->state)
        conn->state = calloc(1, sizeof(struct rpc_conn));
    return conn->state;
}

static void forget(struct conn *conn) {
    free(conn->state);
    conn->state = NULL;
}

/* Without memory for it, the line is scanned again from its start. */
static void note_seen(struct conn *conn, size_t seen) {
    struct rpc_conn *state = conn->state;
    if (seen == 0 && state && !state->session)
        forget(conn);
    else if ((seen > 0 || state) && (state = state_of(conn)))
        state->seen = seen;
}

static size_t seen_of(const struct conn *conn) {
    const struct rpc_conn *state = conn->state;
    return state ? state->seen : 0;
}

/* ---- replies ------------------------------------------------------------------------------------ */

static bool is_framed(const struct conn *conn) {
    return conn->front == &rpc_mcp1_front;
}

static size_t encode_head(char *head, uint32_t tag, size_t n, bool fd) {
    struct frame frame = {.op = OP_JSON, .nfds = fd, .tag = tag, .length = (uint32_t)n};
    frame_encode(head, FRAME_MCP1, &frame);
    return FRAME_HEADER;
}

static void reply_copied(struct request *request, struct span text, int fd) {
    char head[FRAME_HEADER];
    if (is_framed(request->conn))
        request_reply(request, span_of(head, encode_head(head, request->tag, text.n, fd >= 0)), text, fd,
                      NULL);
    else
        request_reply(request, text, span_of("\n", 1), fd, NULL);
}

static void reply_error(struct request *request, struct span payload, enum status status, const char *text) {
    size_t n;
    char *error;
    struct rpc_service *service = service_of(request->conn);
    if (service->error(service, payload, status, text, &error, &n) != 0)
        stream_abort(&request->conn->stream); /* the client at least sees the end, rather than silence */
    else if (error)
        reply_copied(request, span_of(error, n), -1);
    else
        request_no_reply(request);
    free(error);
}

/* Without room for it (bytes_total) the reply becomes an error: if it were copied instead, replies that nobody takes
 * would use up the segments of all connections' queues. */
static void reply_owned(struct request *request, char *text, size_t n) {
    char head[FRAME_HEADER] = "";
    size_t head_n = 0, whole = n;
    if (is_framed(request->conn))
        head_n = encode_head(head, request->tag, n, false);
    else
        text[whole++] = '\n';
    struct body *body = memory_body_new(request, text, whole);
    if (body) {
        request_reply(request, span_of(head, head_n), span_of(NULL, 0), -1, body);
    } else {
        reply_error(request, span_of(text, n), STATUS_BUSY,
                    "no memory for the reply (bytes_total); try again");
        free(text);
    }
}

void rpc_front_reply(struct request *request, char *text, size_t n, int fd) {
    request_loop(request)->stats.replies_OK++;
    if (n > COPIED_MAX && fd < 0) {
        reply_owned(request, text, n);
    } else {
        reply_copied(request, span_of(text, n), fd);
        free(text);
    }
}

struct span rpc_front_text(const struct request *request, struct span message) {
    if (is_framed(request->conn))
        return span_of(message.p + FRAME_HEADER, request->reply_n - FRAME_HEADER);
    return span_of(message.p, request->reply_n - 1);
}

int rpc_front_notify(struct conn *conn, struct span text) {
    char head[FRAME_HEADER];
    struct stream *stream = &conn->stream;
    if (stream->out.bytes + text.n > NOTIFIED_MAX)
        return -ENOBUFS;
    if (is_framed(conn))
        return stream_send(stream, span_of(head, encode_head(head, 0, text.n, false)), text, -1, NULL);
    return stream_send(stream, text, span_of("\n", 1), -1, NULL);
}

/* request->state is the payload while it is being admitted. */
static void fail(struct request *request, enum status status, const char *text) {
    const struct span *payload = request->state;
    reply_error(request, payload ? *payload : span_of(NULL, 0), status, text);
}

/* ---- messages ------------------------------------------------------------------------------------ */

static void take(struct conn *conn, struct span payload, size_t whole, uint32_t tag) {
    struct request *request = request_new(conn);
    if (!request)
        return;
    iobuf_parsed(conn->stream.in, whole);
    request->open_order = true;
    request->tag = tag;
    request->state = &payload;
    if (conn_admit(conn, request)) {
        request->state = NULL;
        service_of(conn)->run(request, payload);
    }
}

/* Makes room for an incomplete message: twice what has arrived, so that memory follows the bytes. */
static void make_room(struct conn *conn, size_t most) {
    size_t pending = iobuf_pending(conn->stream.in).n;
    size_t total = 2 * pending < most ? 2 * pending : most;
    if (2 * pending >= IOBUF_USUAL && total > pending)
        /* Without it, the read makes room. */
        iobuf_reserve(&conn->stream.loop->inputs, &conn->stream.in, total);
}

/* The rest of the input cannot be parsed: an error reply, then the end. */
static struct request *last_request(struct conn *conn) {
    struct request *request = request_new(conn);
    conn->stream.loop->stats.bad_frames++;
    conn->last = true;
    if (request)
        request->open_order = true;
    return request;
}

static bool is_blank(struct span line) {
    for (size_t i = 0; i < line.n; i++)
        if (line.p[i] != ' ' && line.p[i] != '\t' && line.p[i] != '\r')
            return false;
    return true;
}

static void take_line(struct conn *conn, struct span line, size_t whole) {
    if (is_blank(line))
        iobuf_parsed(conn->stream.in, whole);
    else
        take(conn, line, whole, 0);
}

static void parse_lines(struct conn *conn) {
    size_t limit = service_of(conn)->limit;
    while (conn_may_parse(conn)) {
        struct span pending = iobuf_pending(conn->stream.in), line;
        if (pending.n == 0)
            return;
        struct verdict verdict = lines_decode(pending.p, pending.n, seen_of(conn), limit, &line);
        note_seen(conn, verdict.kind == VERDICT_MORE ? pending.n : 0);
        if (verdict.kind == VERDICT_BAD) {
            struct request *request = last_request(conn);
            if (request)
                request_fail(request, verdict.status, verdict.reason);
            return;
        }
        if (verdict.kind == VERDICT_MORE && !conn->stream.eof) {
            make_room(conn, limit + 2);
            return;
        }
        if (verdict.kind == VERDICT_MORE)
            take_line(conn, pending, pending.n); /* the last line of a stream may lack its end */
        else
            take_line(conn, line, verdict.n);
    }
}

/* A reply on the level of frames, not of JSON-RPC. */
static void reply_status(struct request *request, uint8_t op, enum status status, const char *reason) {
    char head[FRAME_HEADER];
    struct span text = span_text(reason);
    struct frame frame = {
        .op = op, .status = (uint8_t)status, .tag = request->tag, .length = (uint32_t)text.n};
    frame_encode(head, FRAME_MCP1, &frame);
    loop_count_reply(request_loop(request), status);
    request_reply(request, span_of(head, sizeof(head)), text, -1, NULL);
}

static const char *judge_frame(const struct frame *frame, enum status *status) {
    *status = STATUS_BAD_REQUEST;
    if (frame->status != 0)
        return "the status of a request must be 0";
    if (frame->nfds != 0)
        return "requests carry no descriptors: nfds must be 0";
    *status = STATUS_UNSUPPORTED;
    if (frame->op != OP_JSON)
        return "unknown operation: J is the only one";
    return frame->flags ? "unknown flag" : NULL;
}

static void take_frame(struct conn *conn, const struct frame *frame, struct span payload) {
    enum status status;
    const char *reason = judge_frame(frame, &status);
    if (!reason) {
        take(conn, payload, FRAME_HEADER + payload.n, frame->tag);
        return;
    }
    struct request *request = request_new(conn);
    if (!request)
        return;
    iobuf_parsed(conn->stream.in, FRAME_HEADER + payload.n);
    request->open_order = true;
    request->tag = frame->tag;
    reply_status(request, frame->op, status, reason);
}

static void refuse_frame(struct conn *conn, uint32_t tag, enum status status, const char *reason) {
    struct request *request = last_request(conn);
    if (!request)
        return;
    request->tag = tag;
    reply_status(request, OP_JSON, status, reason);
}

static void parse_frames(struct conn *conn) {
    uint32_t limit = (uint32_t)service_of(conn)->limit;
    while (conn_may_parse(conn)) {
        struct span pending = iobuf_pending(conn->stream.in);
        struct frame frame = {0};
        if (pending.n == 0)
            return;
        struct verdict verdict = frame_decode(pending.p, pending.n, FRAME_MCP1, limit, &frame);
        if (verdict.kind == VERDICT_BAD) {
            refuse_frame(conn, verdict.status == STATUS_TOO_LARGE ? frame.tag : 0, verdict.status,
                         verdict.reason);
            return;
        }
        if (verdict.kind == VERDICT_MORE) {
            make_room(conn, verdict.n);
            return;
        }
        take_frame(conn, &frame, span_of(pending.p + FRAME_HEADER, frame.length));
    }
}

/* ---- sessions ------------------------------------------------------------------------------------ */

bool rpc_front_has(const struct conn *conn) {
    return conn->front == &rpc_lines_front || conn->front == &rpc_mcp1_front;
}

void *rpc_front_session(const struct conn *conn) {
    const struct rpc_conn *state = conn->state;
    return state ? state->session : NULL;
}

int rpc_front_keep_session(struct conn *conn, void *session) {
    struct rpc_conn *state = state_of(conn);
    if (!state)
        return -ENOMEM;
    state->session = session;
    return 0;
}

static void closed(struct conn *conn) {
    struct rpc_conn *state = conn->state;
    if (state && state->session)
        service_of(conn)->closed(conn, state->session);
    forget(conn);
}

const struct front rpc_lines_front = {
    .protocol = PROTOCOL_JSON,
    .name = "rpc",
    .parse = parse_lines,
    .fail = fail,
    .late = conn_finish,
    .closed = closed,
};

const struct front rpc_mcp1_front = {
    .protocol = PROTOCOL_MCP1,
    .name = "mcp",
    .parse = parse_frames,
    .fail = fail,
    .late = conn_finish,
    .closed = closed,
};
