#include "reactor/exchange.h"

#include "reactor/loop.h"
#include "reactor/request.h"

#include <errno.h>
#include <stdlib.h>

/* Moves a span from one copy of the bytes to the other; spans that point elsewhere (constants) stay. */
static void rebase(struct span *span, struct span from, char *to) {
    if (span->p && span->p >= from.p && span->p <= from.p + from.n)
        span->p = to + (span->p - from.p);
}

static void rebase_head(struct http1_request *head, struct span from, char *to) {
    rebase(&head->method_name, from, to);
    rebase(&head->target, from, to);
    rebase(&head->path, from, to);
    rebase(&head->query, from, to);
    rebase(&head->host.host, from, to);
    for (unsigned i = 0; i < head->fields.n; i++) {
        rebase(&head->fields.list[i].name, from, to);
        rebase(&head->fields.list[i].value, from, to);
    }
}

struct exchange *exchange_keep(const struct exchange *scratch, struct span head) {
    size_t fields = scratch->head.fields.n * sizeof(struct http1_field);
    bool rewritten = scratch->path.p < head.p || scratch->path.p > head.p + head.n;
    struct exchange *kept = malloc(sizeof(*kept) + fields + head.n + (rewritten ? scratch->path.n : 0));
    if (!kept)
        return NULL;
    *kept = *scratch;
    kept->kept = true;
    kept->holders = 1;
    kept->head.fields.list = (struct http1_field *)(void *)(kept + 1);
    memcpy(kept->head.fields.list, scratch->head.fields.list, fields);
    kept->bytes = (char *)(kept + 1) + fields;
    memcpy(kept->bytes, head.p, head.n);
    rebase_head(&kept->head, head, kept->bytes);
    struct span from = rewritten ? scratch->path : head;
    char *to = kept->bytes + (rewritten ? head.n : 0);
    if (rewritten && scratch->path.n)
        memcpy(to, scratch->path.p, scratch->path.n);
    rebase(&kept->path, from, to);
    for (unsigned i = 0; i < kept->params_count; i++)
        rebase(&kept->params[i].value, from, to);
    return kept;
}

struct exchange *exchange_hold(struct request *request) {
    struct exchange *exchange = request->exchange;
    const struct http1_request *head = &exchange->head;
    if (!exchange->kept) {
        const char *end = head->target.p + head->target.n;
        if (head->fields.n > 0) {
            struct span last = head->fields.list[head->fields.n - 1].value;
            end = last.p + last.n;
        }
        exchange = exchange_keep(exchange, span_of(head->method_name.p, (size_t)(end - head->method_name.p)));
        if (!exchange)
            return NULL;
        request->exchange = exchange;
    }
    exchange->holders++;
    return exchange;
}

void exchange_drop_body(struct exchange *exchange) {
    free(exchange->body);
    if (exchange->loop)
        exchange->loop->stats.request_bytes -= exchange->body_size;
    exchange->body = NULL;
    exchange->body_n = exchange->body_size = 0;
}

void exchange_end(struct exchange *exchange) {
    if (exchange->kept && --exchange->holders > 0)
        return;
    if (exchange->drop)
        exchange->drop(exchange->state);
    exchange->drop = NULL;
    exchange_drop_body(exchange);
    if (exchange->kept)
        free(exchange);
}

/* Doubles the size each time, up to what was announced. */
static size_t next_size(const struct exchange *exchange, size_t need) {
    const struct http1_framing *framing = &exchange->head.framing;
    size_t size = exchange->body_size * 2;
    if (framing->body == HTTP1_BODY_LENGTH && size > framing->length)
        size = (size_t)framing->length;
    return size > need ? size : need;
}

int exchange_reserve(struct exchange *exchange, size_t n) {
    size_t need = exchange->body_n + n;
    struct loop *loop = exchange->loop;
    if (need <= exchange->body_size)
        return 0;
    size_t size = next_size(exchange, need);
    if (loop->stats.request_bytes + size - exchange->body_size > loop->settings.request_bytes_total) {
        loop->stats.memory_refusals++;
        return -ENOBUFS;
    }
    char *body = realloc(exchange->body, size);
    if (!body)
        return -ENOMEM;
    loop->stats.request_bytes += size - exchange->body_size;
    exchange->body = body;
    exchange->body_size = size;
    return 0;
}

struct span exchange_field(const struct exchange *exchange, const char *name) {
    struct span value = {0};
    http1_fields_find(&exchange->head.fields, span_text(name), &value);
    return value;
}

struct span exchange_param(const struct exchange *exchange, const char *name) {
    for (unsigned i = 0; i < exchange->params_count; i++)
        if (span_equal(exchange->params[i].name, span_text(name)))
            return exchange->params[i].value;
    return span_of(NULL, 0);
}
