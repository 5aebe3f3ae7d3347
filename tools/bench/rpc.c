/* JSON-RPC and MCP's tools/call from the client's side.
 *
 *     written for each method or tool: one message, as a line, an MCP1 frame, or a POST (MCP: 2026-07-28, no sessions)
 *     reply: the next line, frame or response; good if it has a result, which is no tool's error
 *
 * Replies of a socket may come in any order: each is taken for that of the oldest call, so what is counted is right,
 * and latencies are where the methods answer at once. */
#include "proto/frame.h"
#include "proto/http1_response.h"
#include "proto/lines.h"
#include "tools/bench/dialect.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define REPLY_MAX (16u << 20) /* longest message of a reply */
#define MODERN    "2026-07-28"
#define META                                                                                                 \
    ",\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"" MODERN                                      \
    "\",\"io.modelcontextprotocol/clientCapabilities\":{}}"

/* The message; its length or -1. */
static int write_message(const struct bench_settings *settings, struct span name, char **out) {
    if (settings->mode == MODE_RPC)
        return asprintf(out, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%.*s\",\"params\":%s}", (int)name.n,
                        name.p, settings->params);
    return asprintf(out,
                    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"%.*s\","
                    "\"arguments\":%s%s}}",
                    (int)name.n, name.p, settings->params, settings->over == OVER_HTTP ? META : "");
}

/* What comes before the message. */
static int write_head(const struct bench_settings *settings, struct span name, size_t n, char **out) {
    char frame[FRAME_HEADER];
    const struct frame fields = {.op = 'J', .length = (uint32_t)n};
    if (settings->over == OVER_LINE) {
        *out = calloc(1, 1);
        return *out ? 0 : -1;
    }
    if (settings->over == OVER_FRAME) {
        frame_encode(frame, FRAME_MCP1, &fields);
        *out = malloc(sizeof(frame));
        if (*out)
            memcpy(*out, frame, sizeof(frame));
        return *out ? FRAME_HEADER : -1;
    }
    bool mcp = settings->mode == MODE_MCP;
    char *fields_text = NULL;
    if (mcp && asprintf(&fields_text,
                        "MCP-Protocol-Version: " MODERN "\r\nMcp-Method: tools/call\r\nMcp-Name: %.*s\r\n"
                        "Accept: application/json, text/event-stream\r\n",
                        (int)name.n, name.p) < 0)
        return -1;
    int got = asprintf(out,
                       "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n%s%s"
                       "Content-Length: %zu\r\n\r\n",
                       mcp ? "/mcp" : "/rpc", mcp ? fields_text : "",
                       settings->headers ? settings->headers : "", n);
    free(fields_text);
    return got;
}

static int rpc_write(const struct plan *plan, struct span name, struct span *out, char *why,
                     size_t why_size) {
    const struct bench_settings *settings = plan->settings;
    char *head = NULL, *message = NULL, *whole = NULL;
    int n = write_message(settings, name, &message);
    int head_n = n < 0 ? -1 : write_head(settings, name, (size_t)n, &head);
    (void)why, (void)why_size;
    if (head_n >= 0 && (whole = malloc((size_t)head_n + (size_t)n + 1))) {
        memcpy(whole, head, (size_t)head_n);
        memcpy(whole + head_n, message, (size_t)n);
        whole[head_n + n] = '\n';
        *out = span_of(whole, (size_t)head_n + (size_t)n + (settings->over == OVER_LINE));
    }
    if (head_n >= 0)
        free(head);
    if (n >= 0)
        free(message);
    return whole ? 0 : -ENOMEM;
}

/* The server's messages are compact: no spaces around the names. */
static void judge(struct reply *reply, struct span message) {
    static const char result[] = "\"result\":", failed[] = "\"isError\":true";
    reply->ok = memmem(message.p, message.n, result, sizeof(result) - 1) &&
                !memmem(message.p, message.n, failed, sizeof(failed) - 1);
    if (!reply->ok)
        reply->said = message;
}

static struct verdict decode_line(struct span pending, struct span *message, struct reply *reply) {
    static const char fds[] = "\"fds\":1"; /* cannot stand like this within a string */
    struct verdict verdict = lines_decode(pending.p, pending.n, 0, REPLY_MAX, message);
    if (verdict.kind == VERDICT_FRAME)
        reply->fds = memmem(message->p, message->n, fds, sizeof(fds) - 1) != NULL;
    return verdict;
}

static struct verdict decode_frame(struct span pending, struct span *message, struct reply *reply) {
    struct frame frame;
    struct verdict verdict = frame_decode(pending.p, pending.n, FRAME_MCP1, REPLY_MAX, &frame);
    if (verdict.kind == VERDICT_FRAME) {
        *message = span_of(pending.p + FRAME_HEADER, frame.length);
        reply->fds = frame.nfds;
    }
    return verdict;
}

/* A response with all of its body. */
static struct verdict decode_response(struct span pending, struct span *message, struct reply *reply) {
    struct http1_field list[HTTP1_FIELDS_MAX];
    struct http1_response response = {.fields = {.list = list, .max = HTTP1_FIELDS_MAX}};
    struct http1_scan scan = {0};
    struct http1_verdict head =
        http1_response_decode(&scan, pending.p, pending.n, &HTTP1_LIMITS, HTTP1_POST, false, &response);
    struct verdict verdict = {.kind = head.kind, .n = head.n, .reason = head.reason};
    if (head.kind == VERDICT_MORE)
        verdict.n = pending.n + 1;
    if (head.kind != VERDICT_FRAME)
        return verdict;
    if (response.framing.body != HTTP1_BODY_LENGTH || response.framing.length > REPLY_MAX)
        return (struct verdict){.kind = VERDICT_BAD,
                                .reason = "a response without a Content-Length, or too long"};
    verdict.n = head.n + response.framing.length;
    if (pending.n < verdict.n) {
        verdict.kind = VERDICT_MORE;
        return verdict;
    }
    *message = span_of(pending.p + head.n, response.framing.length);
    reply->last = !response.framing.keep_alive;
    reply->status = (unsigned)response.status;
    return verdict;
}

static void rpc_decode(const struct plan *plan, struct span pending, const struct exchange *exchange,
                       uint32_t tag, struct reply *reply) {
    struct span message;
    struct verdict verdict;
    (void)exchange, (void)tag;
    *reply = (struct reply){0};
    if (plan->settings->over == OVER_LINE)
        verdict = decode_line(pending, &message, reply);
    else if (plan->settings->over == OVER_FRAME)
        verdict = decode_frame(pending, &message, reply);
    else
        verdict = decode_response(pending, &message, reply);
    reply->kind = verdict.kind;
    reply->n = verdict.n;
    reply->reason = verdict.reason;
    if (verdict.kind == VERDICT_FRAME)
        judge(reply, message);
}

static void rpc_status_word(unsigned status, char *out, size_t size) {
    snprintf(out, size, status ? "%u" : "error", status);
}

const struct dialect dialect_rpc = {
    .write = rpc_write,
    .send = dialect_send_whole,
    .decode = rpc_decode,
    .status_word = rpc_status_word,
};
