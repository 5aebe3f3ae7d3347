/* The object protocol from the client's side (docs/protocol.md, "Object protocol").
 *
 *     written for each key: offset, count, key | at sending: header with op, flags and tag before it */
#include "proto/frame.h"
#include "proto/object.h"
#include "reactor/stream.h"
#include "tools/bench/dialect.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define REPLY_MAX 65536u /* longest payload a reply may have */
#define RANGE     16     /* bytes of offset and count before a key */

static int slc_write(const struct plan *plan, struct span key, struct span *out, char *why, size_t why_size) {
    bool ping = plan->settings->mode == MODE_PING;
    size_t n = ping ? (size_t)plan->settings->size : RANGE + key.n;
    char *payload = malloc(n + 1);
    (void)why, (void)why_size;
    if (!payload)
        return -ENOMEM;
    if (ping)
        memset(payload, 'x', n);
    else
        object_request_encode(payload, 0, 0, key);
    *out = span_of(payload, n);
    return 0;
}

static int slc_send(const struct plan *plan, struct stream *stream, const struct exchange *exchange,
                    uint32_t tag) {
    struct span payload = plan->requests[exchange->key];
    bool shared = exchange->op == OBJECT_OP_FDPASS && plan->settings->shared;
    struct frame frame = {
        .op = exchange->op, .flags = shared ? OBJECT_SHARED : 0, .tag = tag, .length = (uint32_t)payload.n};
    char head[FRAME_HEADER];
    frame_encode(head, FRAME_SLC1, &frame);
    return stream_send(stream, span_of(head, sizeof(head)), payload, -1, NULL);
}

static void malformed(struct reply *reply, const char *reason) {
    reply->kind = VERDICT_BAD;
    reply->reason = reason;
}

static void decode_object(struct reply *reply, const struct frame *frame, const char *payload,
                          const struct exchange *exchange) {
    struct object_fields fields;
    bool descriptor = frame->op == OBJECT_OP_FDPASS;
    if (frame->op != exchange->op && exchange->op != OBJECT_OP_AUTO) {
        malformed(reply, "a reply of another operation than the request's");
        return;
    }
    if (frame->length != OBJECT_FIELDS || frame->nfds != descriptor) {
        malformed(reply, "a reply without its five fields, or with the wrong number of descriptors");
        return;
    }
    object_fields_decode(payload, &fields);
    reply->keyed = true;
    reply->version = fields.version;
    reply->fds = frame->nfds;
    reply->body = fields.count;
    if (fields.offset != 0 || fields.count != fields.size)
        malformed(reply, "a reply with another range than the whole object");
}

static void decode_ping(const struct plan *plan, struct reply *reply, const struct frame *frame,
                        const char *payload) {
    if (frame->op != OBJECT_OP_PING || frame->nfds != 0)
        malformed(reply, "a reply of another operation than the request's");
    else if (!span_equal(span_of(payload, frame->length), plan->requests[0]))
        malformed(reply, "a ping with other bytes than the request's");
}

static void slc_decode(const struct plan *plan, struct span pending, const struct exchange *exchange,
                       uint32_t tag, struct reply *reply) {
    struct frame frame;
    struct verdict verdict = frame_decode(pending.p, pending.n, FRAME_SLC1, REPLY_MAX, &frame);
    *reply = (struct reply){.kind = verdict.kind, .n = verdict.n, .reason = verdict.reason};
    if (verdict.kind != VERDICT_FRAME)
        return;
    reply->status = frame.status;
    reply->ok = frame.status == STATUS_OK;
    if (!reply->ok) {
        reply->last = frame.op == '?';
        reply->said = span_of(pending.p + FRAME_HEADER, frame.length);
    } else if (frame.tag != tag) {
        malformed(reply, "a reply with another tag than the request's");
    } else if (exchange->op == OBJECT_OP_PING) {
        decode_ping(plan, reply, &frame, pending.p + FRAME_HEADER);
    } else {
        decode_object(reply, &frame, pending.p + FRAME_HEADER, exchange);
    }
}

static void slc_status_word(unsigned status, char *out, size_t size) {
    snprintf(out, size, "%s", status_name(status));
}

const struct dialect dialect_slc = {
    .write = slc_write,
    .send = slc_send,
    .decode = slc_decode,
    .status_word = slc_status_word,
};
