/* HTTP/1.1 from the client's side.
 *
 *     prepared for each path: "GET /path HTTP/1.1 CRLF Host: ... CRLF fields CRLF body", sent as it is */
#include "proto/http1_response.h"
#include "reactor/stream.h"
#include "tools/bench/dialect.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define BODY_MAX (64L * 1024 * 1024)

/* Whole requests, by path. */
struct requests {
    struct span *list;
    size_t count;
    enum http1_method method;
    char *body;
    size_t body_n;
};

static void http_release(struct plan *plan) {
    struct requests *requests = plan->requests;
    if (!requests)
        return;
    for (size_t i = 0; requests->list && i < requests->count; i++)
        free((void *)(uintptr_t)requests->list[i].p);
    free(requests->list);
    free(requests->body);
    free(requests);
    plan->requests = NULL;
}

/* The whole file, which may be a pipe; malloc'ed. NULL with errno. */
static char *read_whole(const char *path, size_t *n) {
    FILE *file = fopen(path, "r"), *memory;
    char *bytes = NULL, piece[65536];
    int error = 0;
    if (!file)
        return NULL;
    if (!(memory = open_memstream(&bytes, n))) {
        fclose(file);
        return NULL;
    }
    for (size_t got; !error && (got = fread(piece, 1, sizeof(piece), file)) > 0;)
        if (fwrite(piece, 1, got, memory) != got)
            error = ENOMEM;
        else if (ftell(memory) > BODY_MAX)
            error = EFBIG;
    if (ferror(file))
        error = errno;
    fclose(file);
    if (fclose(memory) != 0)
        error = ENOMEM;
    if (error) {
        free(bytes);
        errno = error;
    }
    return error ? NULL : bytes;
}

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

static int write_request(const struct plan *plan, const struct requests *requests, struct span path,
                         struct span *out) {
    const struct bench_settings *settings = plan->settings;
    struct span host = host_of(settings->server);
    char *head = NULL, length[48] = "", *whole;
    if (requests->body)
        snprintf(length, sizeof(length), "Content-Length: %zu\r\n", requests->body_n);
    bool has_host = has_field(settings->headers, "Host");
    int n = asprintf(&head, "%s %.*s HTTP/1.1\r\n%s%.*s%s%s%s\r\n", settings->method, (int)path.n, path.p,
                     has_host ? "" : "Host: ", has_host ? 0 : (int)host.n, host.p, has_host ? "" : "\r\n",
                     settings->headers ? settings->headers : "", length);
    if (n < 0 || !(whole = realloc(head, (size_t)n + requests->body_n + 1)))
        return -ENOMEM;
    if (requests->body_n)
        memcpy(whole + n, requests->body, requests->body_n);
    *out = span_of(whole, (size_t)n + requests->body_n);
    return 0;
}

static int http_prepare(struct plan *plan, char *why, size_t why_size) {
    const struct bench_settings *settings = plan->settings;
    struct requests *requests = plan->requests = calloc(1, sizeof(*requests));
    snprintf(why, why_size, "out of memory");
    if (!requests || !(requests->list = calloc(plan->keys.count, sizeof(*requests->list))))
        return -ENOMEM;
    requests->count = plan->keys.count;
    requests->method = http1_method_of(span_text(settings->method));
    if (*settings->body && !(requests->body = read_whole(settings->body, &requests->body_n))) {
        snprintf(why, why_size, "%s: %s", settings->body, strerrordesc_np(errno));
        return -errno;
    }
    for (size_t i = 0; i < requests->count; i++) {
        if (*plan->keys.list[i].p != '/') {
            snprintf(why, why_size, "path '%.*s' does not start with /", (int)plan->keys.list[i].n,
                     plan->keys.list[i].p);
            return -EINVAL;
        }
        if (write_request(plan, requests, plan->keys.list[i], &requests->list[i]) != 0)
            return -ENOMEM;
    }
    return 0;
}

static int http_send(const struct plan *plan, struct stream *stream, const struct exchange *exchange,
                     uint32_t tag) {
    const struct requests *requests = plan->requests;
    (void)tag; /* HTTP/1.1 has only the order */
    return stream_send(stream, requests->list[exchange->key], span_of(NULL, 0), -1, NULL);
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
    const struct requests *requests = plan->requests;
    struct http1_field list[HTTP1_FIELDS_MAX];
    struct http1_response response = {.fields = {.list = list, .max = HTTP1_FIELDS_MAX}};
    struct http1_scan scan = {0};
    (void)exchange, (void)tag;
    struct http1_verdict verdict =
        http1_response_decode(&scan, pending.p, pending.n, &HTTP1_LIMITS, requests->method, false, &response);
    *reply = (struct reply){.kind = verdict.kind, .n = verdict.n, .reason = verdict.reason};
    if (verdict.kind == VERDICT_MORE)
        reply->n = pending.n + 1;
    if (verdict.kind != VERDICT_FRAME)
        return;
    reply->status = (unsigned)response.status;
    reply->interim = response.status < 200;
    reply->ok = response.status >= 200 && response.status < 400;
    reply->last = !response.framing.keep_alive;
    reply->fds = number_in(&response.fields, "Sluice-Fds") != 0; /* PROTOCOL.md, "Rules for fds", 4 */
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
    .prepare = http_prepare,
    .release = http_release,
    .send = http_send,
    .decode = http_decode,
    .status_word = http_status_word,
};
