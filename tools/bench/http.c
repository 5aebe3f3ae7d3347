/* HTTP/1.1 from the client's side.
 *
 *     written for each path: "GET /path HTTP/1.1 CRLF Host: ... CRLF fields CRLF body", sent as it is */
#include "proto/http1_response.h"
#include "tools/bench/dialect.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* What goes into Host: the first server's HOST:PORT; a Unix socket has none. */
static struct span host_of(const char *servers) {
    struct span server = span_of(servers, strcspn(servers, ","));
    size_t prefix = strlen("tcp:");
    if (server.n <= prefix || strncmp(server.p, "tcp:", prefix) != 0)
        return span_text("localhost");
    return span_of(server.p + prefix, server.n - prefix);
}

static bool has_field(const char *headers, const char *name) {
    size_t n = strlen(name);
    for (const char *line = headers; line && *line; line = strchr(line, '\n') + 1)
        if (strncasecmp(line, name, n) == 0 && line[n] == ':')
            return true;
    return false;
}

/* Would it stay one word of a request line? */
static bool is_word(struct span text) {
    for (size_t i = 0; i < text.n; i++)
        if ((unsigned char)text.p[i] <= ' ' || text.p[i] == 0x7f)
            return false;
    return text.n > 0;
}

static int http_write(const struct plan *plan, struct span path, struct span *out, char *why,
                      size_t why_size) {
    const struct bench_settings *settings = plan->settings;
    struct span host = host_of(settings->server), body = plan->body;
    char *head = NULL, length[48] = "", *whole;
    if (*path.p != '/' || !is_word(path)) {
        snprintf(why, why_size, "path '%.*s' does not start with /, or has spaces or control characters",
                 (int)path.n, path.p);
        return -EINVAL;
    }
    if (!is_word(span_text(settings->method))) {
        snprintf(why, why_size, "method '%s' is not one word", settings->method);
        return -EINVAL;
    }
    if (body.p)
        snprintf(length, sizeof(length), "Content-Length: %zu\r\n", body.n);
    bool has_host = has_field(settings->headers, "Host");
    int n = asprintf(&head, "%s %.*s HTTP/1.1\r\n%s%.*s%s%s%s\r\n", settings->method, (int)path.n, path.p,
                     has_host ? "" : "Host: ", has_host ? 0 : (int)host.n, host.p, has_host ? "" : "\r\n",
                     settings->headers ? settings->headers : "", length);
    if (n < 0)
        return -ENOMEM;
    if (!(whole = realloc(head, (size_t)n + body.n + 1))) {
        free(head);
        return -ENOMEM;
    }
    if (body.p)
        memcpy(whole + n, body.p, body.n);
    *out = span_of(whole, (size_t)n + body.n);
    return 0;
}

/* The number that a field has; 0: it has none. */
static uint64_t number_in(const struct http1_fields *fields, const char *name) {
    struct span value;
    uint64_t n = 0;
    if (http1_fields_find(fields, span_text(name), &value) > 0)
        span_number(value, INT64_MAX, &n);
    return n;
}

static void http_decode(const struct plan *plan, struct span pending, const struct exchange *exchange,
                        uint32_t tag, struct reply *reply) {
    struct http1_field list[HTTP1_FIELDS_MAX];
    struct http1_response response = {.fields = {.list = list, .max = HTTP1_FIELDS_MAX}};
    struct http1_scan scan = {0};
    (void)exchange, (void)tag;
    enum http1_method method = http1_method_of(span_text(plan->settings->method));
    struct http1_verdict verdict =
        http1_response_decode(&scan, pending.p, pending.n, &HTTP1_LIMITS, method, false, &response);
    *reply = (struct reply){.kind = verdict.kind, .n = verdict.n, .reason = verdict.reason};
    if (verdict.kind == VERDICT_MORE)
        reply->n = pending.n + 1;
    if (verdict.kind != VERDICT_FRAME)
        return;
    reply->status = (unsigned)response.status;
    reply->interim = response.status < 200;
    reply->ok = response.status >= 200 && response.status < 400;
    reply->last = !response.framing.keep_alive;
    reply->fds = number_in(&response.fields, "Sluice-Fds") != 0; /* docs/protocol.md, "HTTP" */
    reply->keyed = reply->ok && reply->fds == 0;
    reply->chunked = response.framing.body == HTTP1_BODY_CHUNKED;
    reply->until_close = response.framing.body == HTTP1_BODY_CLOSE;
    if (reply->fds)
        reply->body = number_in(&response.fields, "Sluice-Size");
    else if (response.framing.body == HTTP1_BODY_LENGTH)
        reply->body = response.framing.length;
}

static void http_status_word(unsigned status, char *out, size_t size) {
    snprintf(out, size, "%u", status);
}

const struct dialect dialect_http = {
    .write = http_write,
    .send = dialect_send_whole,
    .decode = http_decode,
    .status_word = http_status_word,
};
