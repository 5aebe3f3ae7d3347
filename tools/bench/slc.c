/* The object protocol from the client's side (PROTOCOL.md, "Object protocol").
 *
 *     prepared for each key: offset, count, key | at sending: header with op, flags and tag before it */
#include "proto/frame.h"
#include "proto/object.h"
#include "reactor/stream.h"
#include "tools/bench/dialect.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define REPLY_MAX 65536u /* longest payload a reply may have */

/* Payloads, by key. */
struct payloads {
    struct span *list;
    char *bytes;
};

static void slc_release(struct plan *plan) {
    struct payloads *payloads = plan->requests;
    if (!payloads)
        return;
    free(payloads->list);
    free(payloads->bytes);
    free(payloads);
    plan->requests = NULL;
}

static size_t payload_size(const struct plan *plan, size_t key) {
    if (plan->settings->mode == MODE_PING)
        return (size_t)plan->settings->size;
    return 16 + plan->keys.list[key].n;
}

static int slc_prepare(struct plan *plan, char *why, size_t why_size) {
    size_t total = 0, count = plan->keys.count;
    for (size_t i = 0; i < count; i++)
        total += payload_size(plan, i);
    struct payloads *payloads = plan->requests = calloc(1, sizeof(*payloads));
    if (payloads) {
        payloads->list = calloc(count, sizeof(*payloads->list));
        payloads->bytes = calloc(total + 1, 1);
    }
    if (!payloads || !payloads->list || !payloads->bytes) {
        snprintf(why, why_size, "out of memory");
        return -ENOMEM;
    }
    char *at = payloads->bytes;
    for (size_t i = 0; i < count; i++) {
        size_t n = payload_size(plan, i);
        payloads->list[i] = span_of(at, n);
        if (plan->settings->mode == MODE_PING)
            memset(at, 'x', n);
        else
            object_request_encode(at, 0, 0, plan->keys.list[i]);
        at += n;
    }
    return 0;
}

static int slc_send(const struct plan *plan, struct stream *stream, const struct exchange *exchange,
                    uint32_t tag) {
    const struct payloads *payloads = plan->requests;
    struct span payload = payloads->list[exchange->key];
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
    const struct payloads *payloads = plan->requests;
    if (frame->op != OBJECT_OP_PING || frame->nfds != 0)
        malformed(reply, "a reply of another operation than the request's");
    else if (!span_equal(span_of(payload, frame->length), payloads->list[0]))
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
    .prepare = slc_prepare,
    .release = slc_release,
    .send = slc_send,
    .decode = slc_decode,
    .status_word = slc_status_word,
};
