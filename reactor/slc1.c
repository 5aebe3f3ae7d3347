#include "reactor/slc1.h"

#include "proto/frame.h"
#include "reactor/conn.h"
#include "reactor/loop.h"
#include "reactor/operation.h"

static void reply(struct request *request, uint8_t op, uint8_t flags, const struct object_fields *fields,
                  struct span bytes, int fd, struct body *body) {
    char head[FRAME_HEADER + OBJECT_FIELDS];
    struct frame frame = {
        .op = op, .flags = flags, .nfds = fd >= 0, .tag = request->tag, .length = OBJECT_FIELDS};
    frame_encode(head, FRAME_SLC1, &frame);
    object_fields_encode(head + FRAME_HEADER, fields);
    loop_count_reply(request_loop(request), STATUS_OK);
    request_reply(request, span_of(head, sizeof(head)), bytes, fd, body);
}

void slc1_reply_fields(struct request *request, uint8_t op, uint8_t flags, const struct object_fields *fields,
                       int fd, struct body *body) {
    reply(request, op, flags, fields, span_of(NULL, 0), fd, body);
}

void slc1_reply_bytes(struct request *request, uint8_t op, uint8_t flags, const struct object_fields *fields,
                      struct span body) {
    reply(request, op, flags, fields, body, -1, NULL);
}

void slc1_reply_payload(struct request *request, struct span payload) {
    char head[FRAME_HEADER];
    struct frame frame = {.op = request->op, .tag = request->tag, .length = (uint32_t)payload.n};
    frame_encode(head, FRAME_SLC1, &frame);
    loop_count_reply(request_loop(request), STATUS_OK);
    request_reply(request, span_of(head, sizeof(head)), payload, -1, NULL);
}

static void fail(struct request *request, enum status status, const char *text) {
    char head[FRAME_HEADER];
    struct span message = span_text(text);
    struct frame frame = {
        .op = request->op, .status = (uint8_t)status, .tag = request->tag, .length = (uint32_t)message.n};
    frame_encode(head, FRAME_SLC1, &frame);
    request_reply(request, span_of(head, sizeof(head)), message, -1, NULL);
}

static void dispatch(struct request *request, const struct frame *frame, struct span payload) {
    const struct operation *operation = request_loop(request)->operations[frame->op];
    if (frame->status != 0)
        request_fail(request, STATUS_BAD_REQUEST, "the status of a request must be 0");
    else if (frame->nfds != 0)
        request_fail(request, STATUS_BAD_REQUEST, "requests carry no descriptors: nfds must be 0");
    else if (!operation)
        request_fail(request, STATUS_UNSUPPORTED, "unknown operation");
    else if (frame->flags & ~operation->flags)
        request_fail(request, STATUS_UNSUPPORTED, "unknown flag for this operation");
    else
        operation->run(request, payload);
}

/* After a malformed header the rest of the input cannot be parsed: an error reply, then the end. */
static void refuse(struct conn *conn, const struct verdict *verdict, const struct frame *frame) {
    struct request *request = request_new(conn);
    bool bad_magic = verdict->status == STATUS_BAD_REQUEST;
    conn->stream.loop->stats.bad_frames++;
    conn->last = true;
    if (!request)
        return;
    request->op = bad_magic ? '?' : frame->op;
    request->tag = bad_magic ? 0 : frame->tag;
    request_fail(request, verdict->status, verdict->reason);
}

static void parse(struct conn *conn) {
    while (conn_may_parse(conn)) {
        struct span pending = iobuf_pending(conn->stream.in);
        struct frame frame;
        if (pending.n == 0)
            return;
        struct verdict verdict = frame_decode(pending.p, pending.n, FRAME_SLC1, FRAME_SLC1_REQUEST, &frame);
        if (verdict.kind == VERDICT_MORE)
            return;
        if (verdict.kind == VERDICT_BAD) {
            refuse(conn, &verdict, &frame);
            return;
        }
        struct request *request = request_new(conn);
        if (!request)
            return;
        iobuf_parsed(conn->stream.in, verdict.n);
        request->op = frame.op;
        request->flags = frame.flags;
        request->tag = frame.tag;
        if (conn_admit(conn, request))
            dispatch(request, &frame, span_of(pending.p + FRAME_HEADER, frame.length));
    }
}

const struct front slc1_front = {
    .protocol = PROTOCOL_SLC1,
    .name = "slc",
    .parse = parse,
    .fail = fail,
    .late = conn_finish,
};
