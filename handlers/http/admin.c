#include "handlers/http/admin.h"

#include "handlers/http/http.h"
#include "handlers/http/methods.h"
#include "handlers/http/prometheus.h"
#include "handlers/objects/connections.h"
#include "handlers/objects/report.h"
#include "reactor/conn.h"
#include "reactor/http1_reply.h"
#include "reactor/listener.h"
#include "reactor/memory_body.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#define PREFIX "/_/"
/* Pages up to this are copied and need no room of bytes_total: health is reported even when that is used up. */
#define COPIED_MAX 2048u

void admin_reply(struct request *request, int status, const char *type, char *text) {
    struct http1_reply reply;
    size_t n = text ? strlen(text) : 0;
    bool owned = n > COPIED_MAX && !http1_reply_is_head(request->exchange);
    struct body *body = owned ? memory_body_new(request, text, n) : NULL;
    if (!text || (owned && !body)) {
        free(text);
        request_fail(request, STATUS_BUSY, "no memory for the report; try again");
        return;
    }
    http1_reply_begin(&reply, request, status);
    http1_reply_field(&reply, "Content-Type", span_text(type));
    http1_reply_field(&reply, "Cache-Control", span_text("no-store"));
    if (body) {
        http1_reply_body(&reply, n, body);
    } else {
        http1_reply_bytes(&reply, span_of(text, n));
        free(text);
    }
}

static void health(struct http *http, struct request *request) {
    (void)http;
    admin_reply(request, 200, "application/json", strdup("{\"status\":\"ok\"}\n"));
}

static void ready(struct http *http, struct request *request) {
    const char *trouble = http->loop->state != LOOP_RUNNING ? "draining" : NULL;
    char text[128];
    if (!trouble && http->trouble)
        trouble = http->trouble(http->trouble_context);
    snprintf(text, sizeof(text), "{\"status\":\"%s\"}\n", trouble ? trouble : "ready");
    admin_reply(request, trouble ? 503 : 200, "application/json", strdup(text));
}

static void stats(struct http *http, struct request *request) {
    admin_reply(request, 200, "application/json", report_stats(http->objects));
}

static void listed(struct request *request, char *text, size_t n) {
    (void)n;
    admin_reply(request, 200, "application/json", text);
}

static void conns(struct http *http, struct request *request) {
    (void)http;
    connections_list(request, listed);
}

static void config(struct http *http, struct request *request) {
    admin_reply(request, 200, "text/plain; charset=utf-8",
                http->config_text ? http->config_text(http->config_context) : strdup(""));
}

static void metrics(struct http *http, struct request *request) {
    admin_reply(request, 200, "text/plain; version=0.0.4; charset=utf-8", prometheus_text(http->loop));
}

const char *admin_query(const struct exchange *exchange, const char *name, char *room, size_t size) {
    struct span rest = exchange->head.query;
    struct uri_pair pair;
    room[0] = '\0';
    while (uri_query_next(&rest, &pair)) {
        if (!span_equal(pair.name, span_text(name)))
            continue;
        ssize_t n = uri_form_decode(pair.value, room, size - 1);
        room[n > 0 ? n : 0] = '\0';
    }
    return room;
}

/* ?kind=client&age=60: only this kind, only those open for longer than age seconds. */
struct fds {
    struct rows rows; /* first */
    double started;   /* when those were opened that were there before the clock */
    double least;
    char kind[32];
    size_t fd; /* the next one to look at */
};

static bool next_fd(struct rows *rows) {
    struct fds *fds = (struct fds *)(void *)rows;
    const struct ledger *ledger = &rows->loop->ledger;
    if (fds->fd >= ledger->top)
        return false;
    size_t fd = fds->fd++;
    const struct ledger_entry *entry = &ledger->entries[fd];
    const char *kind = fd_kind_name(entry->kind);
    double age = loop_now(rows->loop) - (entry->since > 0 ? entry->since : fds->started);
    if (entry->kind != FD_NONE && (!fds->kind[0] || strcmp(fds->kind, kind) == 0) && age >= fds->least)
        fprintf(rows_row(rows), "{\"fd\":%zu,\"kind\":\"%s\",\"age\":%.6f,\"owner\":%llu,\"holders\":%u}", fd,
                kind, age, (unsigned long long)entry->owner, entry->holders);
    return true;
}

static void fds(struct http *http, struct request *request) {
    struct fds *fds = calloc(1, sizeof(*fds));
    char age[32];
    if (fds) {
        admin_query(request->exchange, "kind", fds->kind, sizeof(fds->kind));
        fds->least = strtod(admin_query(request->exchange, "age", age, sizeof(age)), NULL);
        fds->started = http->objects->started;
    }
    rows_start(fds ? &fds->rows : NULL, request, next_fd, listed);
}

enum host_kind { HOST_NAME, HOST_ADDRESS, HOST_LOOPBACK };

static enum host_kind host_kind(struct span host) {
    char text[64];
    struct in_addr four;
    struct in6_addr six;
    if (host.n >= 2 && host.p[0] == '[')
        host = span_of(host.p + 1, host.n - 2);
    if (host.n == 0 || host.n >= sizeof(text))
        return HOST_NAME;
    memcpy(text, host.p, host.n);
    text[host.n] = '\0';
    if (inet_pton(AF_INET, text, &four) == 1)
        return ntohl(four.s_addr) >> 24 == IN_LOOPBACKNET ? HOST_LOOPBACK : HOST_ADDRESS;
    if (inet_pton(AF_INET6, text, &six) == 1)
        return IN6_IS_ADDR_LOOPBACK(&six) ? HOST_LOOPBACK : HOST_ADDRESS;
    return HOST_NAME;
}

/* Is text one of the comma-separated words, ignoring case? */
static bool is_listed(const char *words, struct span text) {
    for (struct span word; setting_next_word(&words, ',', &word);)
        if (span_equal_nocase(word, text))
            return true;
    return false;
}

static bool is_our_name(const struct http *http, struct span host) {
    return is_listed("localhost", host) || is_listed(http->settings.admin_hosts, host);
}

/* Names that an attacker's DNS can point at us are not ours; addresses and localhost cannot be rebound. */
static bool host_is_ours(const struct http *http, struct span host) {
    return host_kind(host) != HOST_NAME || is_our_name(http, host);
}

/* May a page of this origin ask? An address may be anybody's, so only loopback addresses are trusted, and the address
 * by which we were addressed ourselves (host). */
static bool origin_is_ours(const struct http *http, struct span origin, struct span host) {
    struct uri_authority authority;
    if (is_listed(http->settings.admin_origins, origin))
        return true;
    const char *slashes = memmem(origin.p, origin.n, "://", 3);
    if (!slashes)
        return false;
    size_t skip = (size_t)(slashes - origin.p) + 3;
    if (uri_authority_decode(span_of(origin.p + skip, origin.n - skip), &authority) != 0)
        return false;
    enum host_kind kind = host_kind(authority.host);
    return kind == HOST_LOOPBACK || is_our_name(http, authority.host) ||
           (kind == HOST_ADDRESS && span_equal_nocase(authority.host, host));
}

const char *admin_forbidden(const struct http *http, const struct request *request,
                            const struct exchange *exchange) {
    struct span origin = exchange_field(exchange, "Origin"), host = exchange->head.host.host;
    if (origin.p && !origin_is_ours(http, origin, host))
        return "this Origin may not use this path (admin_origins)";
    if (!request->conn->stream.is_unix && host.n && !host_is_ours(http, host))
        return "this Host is not a name of ours (admin_hosts)";
    return NULL;
}

static void serve(struct http *http, struct request *request, void (*page)(struct http *, struct request *)) {
    if (METHODS_READ & 1u << request->exchange->head.method)
        page(http, request);
    else
        methods_answer(request, METHODS_READ);
}

static void run(struct request *request, struct exchange *exchange) {
    static const struct {
        const char *name;
        void (*run)(struct http *http, struct request *request);
    } pages[] = {{"health", health}, {"ready", ready},   {"stats", stats},    {"conns", conns},
                 {"fds", fds},       {"config", config}, {"metrics", metrics}};
    struct http *http = http_of(request_loop(request)->http);
    const char *forbidden = admin_forbidden(http, request, exchange);
    struct span name =
        span_of(exchange->path.p + sizeof(PREFIX) - 1, exchange->path.n - (sizeof(PREFIX) - 1));
    if (forbidden) {
        request_fail(request, STATUS_DENIED, forbidden);
        return;
    }
    for (unsigned i = 0; i < http->pages_count; i++)
        if (span_equal(name, span_text(http->pages[i].path))) {
            exchange->handler = http->pages[i].handler;
            exchange->handler->run(request, exchange);
            return;
        }
    for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++)
        if (span_equal(name, span_text(pages[i].name))) {
            serve(http, request, pages[i].run);
            return;
        }
    request_fail(request, STATUS_NOT_FOUND,
                 "no such page; there are health, ready, stats, conns, fds, config, metrics");
}

const struct http_handler *admin_route(const struct exchange *exchange) {
    static const struct http_handler handler = {.early = true, .run = run};
    size_t n = sizeof(PREFIX) - 1;
    return exchange->path.n >= n && memcmp(exchange->path.p, PREFIX, n) == 0 ? &handler : NULL;
}
