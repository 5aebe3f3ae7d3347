#include "handlers/ingest/answer.h"

#include "reactor/http1_reply.h"
#include "reactor/memory_body.h"
#include "reactor/request.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static long long rejected_of(const struct batch *batch) {
    uint64_t count = batch->refusals.count + batch->spoiled;
    return (long long)count;
}

/* Senders of line protocol look for InfluxDB's own error messages; if they find none, they retry what was taken. */
static void add_counts(struct text *out, const struct batch *batch, bool lines) {
    const struct refusals *refusals = &batch->refusals;
    char words[sizeof(refusals->first) + 32];
    text_add_constant(out, "{\"accepted\":");
    text_add_number(out, batch->count);
    text_add_constant(out, ",\"rejected\":");
    text_add_number(out, rejected_of(batch));
    if (lines && refusals->count > 0) {
        snprintf(words, sizeof(words), "%s: %s", batch->count > 0 ? "partial write" : "unable to parse",
                 refusals->first);
        text_add_constant(out, ",\"error\":");
        text_add_quoted(out, span_text(words));
    }
    if (refusals->text.n > 0) {
        text_add_constant(out, ",\"errors\":[");
        text_add(out, span_of(refusals->text.p, refusals->text.n));
        text_add_constant(out, "]");
    }
    text_add_constant(out, "}\n");
}

/* google.rpc.Status for a malformed body, else ExportMetricsServiceResponse (OTLP/HTTP, "Failures"). */
static void add_otlp_json(struct text *out, const struct batch *batch) {
    const struct refusals *refusals = &batch->refusals;
    if (refusals->count == 0) {
        text_add_constant(out, "{}\n");
        return;
    }
    if (batch->malformed) {
        text_add_constant(out, "{\"code\":3,\"message\":");
    } else {
        text_add_constant(out, "{\"partialSuccess\":{\"rejectedDataPoints\":\"");
        text_add_number(out, rejected_of(batch));
        text_add_constant(out, "\",\"errorMessage\":");
    }
    text_add_quoted(out, span_text(refusals->first));
    text_add_constant(out, batch->malformed ? "}\n" : "}}\n");
}

static void add_byte(struct text *out, unsigned byte) {
    const char c = (char)byte;
    text_add(out, span_of(&c, 1));
}

static void add_varint(struct text *out, uint64_t value) {
    for (; value >= 0x80; value >>= 7)
        add_byte(out, (unsigned)(value & 0x7f) | 0x80);
    add_byte(out, (unsigned)value);
}

static size_t varint_size(uint64_t value) {
    size_t n = 1;
    for (; value >= 0x80; value >>= 7)
        n++;
    return n;
}

/* Both messages have a number in field 1 and a text in field 2. */
static void add_message(struct text *out, uint64_t number, struct span text) {
    add_byte(out, 0x08);
    add_varint(out, number);
    add_byte(out, 0x12);
    add_varint(out, text.n);
    text_add(out, text);
}

static void add_otlp_protobuf(struct text *out, const struct batch *batch) {
    const struct refusals *refusals = &batch->refusals;
    struct span text = span_text(refusals->first);
    uint64_t rejected = (uint64_t)rejected_of(batch);
    if (batch->malformed) {
        add_message(out, 3, text);
    } else if (refusals->count > 0) {
        add_byte(out, 0x0a);
        add_varint(out, 2 + varint_size(rejected) + varint_size(text.n) + text.n);
        add_message(out, rejected, text);
    }
}

static bool is_otlp(enum answer_style style) {
    return style == ANSWER_OTLP_JSON || style == ANSWER_OTLP_PROTOBUF;
}

int answer_make(enum answer_style style, struct batch *batch) {
    bool all = batch->refusals.count == 0;
    struct text out = {0};
    batch->status = batch->malformed || (batch->count == 0 && !all && !is_otlp(style)) ? 400 : 200;
    if (style == ANSWER_LINES && all)
        batch->status = 204;
    if (batch->status == 204)
        return 0;
    if (style == ANSWER_OTLP_JSON)
        add_otlp_json(&out, batch);
    else if (style == ANSWER_OTLP_PROTOBUF)
        add_otlp_protobuf(&out, batch);
    else
        add_counts(&out, batch, style == ANSWER_LINES);
    batch->answer_n = out.n;
    batch->answer = text_take(&out);
    return batch->answer ? 0 : -ENOMEM;
}

const char *answer_ack_word(int ack) {
    static const char *const words[] = {
        [ACK_FSYNC] = "fsync", [ACK_WRITE] = "write", [ACK_MEMORY] = "memory"};
    return words[ack];
}

/* Sluice-Ack: fsync; seq=17-26 */
static void promise(struct http1_reply *reply, int ack, uint64_t sequence, uint32_t count) {
    char text[96];
    int n = snprintf(text, sizeof(text), "%s; seq=%" PRIu64, answer_ack_word(ack), sequence);
    if (count > 1)
        snprintf(text + n, sizeof(text) - (size_t)n, "-%" PRIu64, sequence + count - 1);
    http1_reply_field(reply, "Sluice-Ack", span_text(text));
}

void answer_reply(struct request *request, enum answer_style style, int status, struct span body, int ack,
                  uint64_t sequence, uint32_t count) {
    struct http1_reply reply;
    bool protobuf = style == ANSWER_OTLP_PROTOBUF;
    bool large = body.n > HTTP1_REPLY_ROOM / 2;
    char *copy = large ? malloc(body.n) : NULL;
    struct body *pulled = copy ? memory_body_new(request, copy, body.n) : NULL;
    http1_reply_begin(&reply, request, status);
    if (count > 0)
        promise(&reply, ack, sequence, count);
    if (status == 204) {
        http1_reply_empty(&reply, UINT64_MAX);
        return;
    }
    http1_reply_field(&reply, "Content-Type",
                      span_text(protobuf ? "application/x-protobuf" : "application/json"));
    if (pulled) {
        memcpy(copy, body.p, body.n);
        http1_reply_body(&reply, body.n, pulled);
    } else {
        free(copy);
        http1_reply_bytes(&reply, large ? span_of(NULL, 0) : body);
    }
}

/* google.rpc.Code: INVALID_ARGUMENT, RESOURCE_EXHAUSTED, UNAVAILABLE. */
static unsigned rpc_code(int status) {
    return status == 429 || status == 413 ? 8 : status >= 500 ? 14 : 3;
}

void answer_error_begin(struct http1_reply *reply, struct request *request, enum answer_style style,
                        int status, uint64_t retry) {
    http1_reply_begin(reply, request, status);
    http1_reply_field(
        reply, "Content-Type",
        span_text(style == ANSWER_OTLP_PROTOBUF ? "application/x-protobuf" : "application/json"));
    if (retry > 0)
        http1_reply_number(reply, "Retry-After", retry);
}

void answer_error_end(struct http1_reply *reply, enum answer_style style, int status, const char *name,
                      const char *text) {
    char body[256];
    size_t n = strnlen(text, 100);
    int length;
    if (style == ANSWER_OTLP_PROTOBUF)
        length =
            snprintf(body, sizeof(body), "\x08%c\x12%c%.*s", (int)rpc_code(status), (int)n, (int)n, text);
    else if (style == ANSWER_OTLP_JSON)
        length = snprintf(body, sizeof(body), "{\"code\":%u,\"message\":\"%s\"}\n", rpc_code(status), text);
    else
        length = snprintf(body, sizeof(body), "{\"error\":\"%s\",\"message\":\"%s\"}\n", name, text);
    http1_reply_bytes(reply, span_of(body, (size_t)length));
}

void answer_error(struct request *request, enum answer_style style, int status, const char *name,
                  const char *text) {
    struct http1_reply reply;
    answer_error_begin(&reply, request, style, status, status == 503 || status == 409);
    answer_error_end(&reply, style, status, name, text);
}
