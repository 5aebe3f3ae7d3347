#include "handlers/ingest/answer.h"

#include "proto/memory_file.h"
#include "reactor/http1_reply.h"
#include "reactor/memory_body.h"
#include "reactor/request.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Senders of line protocol look for an error in words, and retry what was taken if they find none of InfluxDB's own. */
static void print_counts(FILE *out, const struct batch *batch, bool lines) {
    const struct refusals *refusals = &batch->refusals;
    fprintf(out, "{\"accepted\":%" PRIu32 ",\"rejected\":%" PRIu64, batch->count,
            refusals->count + batch->spoiled);
    if (lines && refusals->count > 0) {
        fputs(batch->count > 0 ? ",\"error\":\"partial write: " : ",\"error\":\"unable to parse: ", out);
        refusals_print(out, refusals->first);
        fputc('"', out);
    }
    if (refusals->n > 0) {
        fputs(",\"errors\":[", out);
        fwrite(refusals->text, 1, refusals->n, out);
        fputc(']', out);
    }
    fputs("}\n", out);
}

/* google.rpc.Status for a body that makes no sense, else ExportMetricsServiceResponse (OTLP/HTTP, "Failures"). */
static void print_otlp_json(FILE *out, const struct batch *batch) {
    const struct refusals *refusals = &batch->refusals;
    if (refusals->count == 0) {
        fputs("{}\n", out);
        return;
    }
    if (batch->malformed)
        fputs("{\"code\":3,\"message\":\"", out);
    else
        fprintf(out, "{\"partialSuccess\":{\"rejectedDataPoints\":\"%" PRIu64 "\",\"errorMessage\":\"",
                refusals->count + batch->spoiled);
    refusals_print(out, refusals->first);
    fputs(batch->malformed ? "\"}\n" : "\"}}\n", out);
}

static void put_varint(FILE *out, uint64_t value) {
    for (; value >= 0x80; value >>= 7)
        fputc((int)(value & 0x7f) | 0x80, out);
    fputc((int)value, out);
}

static size_t varint_size(uint64_t value) {
    size_t n = 1;
    for (; value >= 0x80; value >>= 7)
        n++;
    return n;
}

/* Both messages have a number in field 1 and a text in field 2. */
static void put_message(FILE *out, uint64_t number, const char *text) {
    fputc(0x08, out);
    put_varint(out, number);
    fputc(0x12, out);
    put_varint(out, strlen(text));
    fputs(text, out);
}

static void print_otlp_protobuf(FILE *out, const struct batch *batch) {
    const struct refusals *refusals = &batch->refusals;
    size_t text = strlen(refusals->first);
    if (batch->malformed) {
        put_message(out, 3, refusals->first);
    } else if (refusals->count > 0) {
        fputc(0x0a, out);
        uint64_t rejected = refusals->count + batch->spoiled;
        put_varint(out, 2 + varint_size(rejected) + varint_size(text) + text);
        put_message(out, rejected, refusals->first);
    }
}

static bool is_otlp(enum answer_style style) {
    return style == ANSWER_OTLP_JSON || style == ANSWER_OTLP_PROTOBUF;
}

int answer_make(enum answer_style style, struct batch *batch) {
    bool all = batch->refusals.count == 0;
    batch->status = batch->malformed || (batch->count == 0 && !all && !is_otlp(style)) ? 400 : 200;
    if (style == ANSWER_LINES && all)
        batch->status = 204;
    if (batch->status == 204)
        return 0;
    FILE *out = memory_file_open(&batch->answer, &batch->answer_n);
    if (!out)
        return -ENOMEM;
    if (style == ANSWER_OTLP_JSON)
        print_otlp_json(out, batch);
    else if (style == ANSWER_OTLP_PROTOBUF)
        print_otlp_protobuf(out, batch);
    else
        print_counts(out, batch, style == ANSWER_LINES);
    return fclose(out) == 0 ? 0 : -ENOMEM;
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
