#include "handlers/gateway/route.h"

#include "handlers/gateway/gateway.h"
#include "handlers/gateway/proxy.h"
#include "handlers/gateway/upstream.h"
#include "handlers/http/prometheus.h"
#include "proto/chars.h"
#include "reactor/http1_reply.h"
#include "reactor/loop.h"
#include "reactor/request.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

const struct counter route_counters[] = {
#define COUNTER(kind, field, help) {#field, COUNTER_##kind, offsetof(struct route_stats, field), help},
#include "handlers/gateway/route_stats.def"
#undef COUNTER
};
const size_t route_counters_count = sizeof(route_counters) / sizeof(route_counters[0]);

bool route_is_ours(const struct route_settings *settings) {
    return *settings->upstream || *settings->redirect || settings->answer_status > 0;
}

/* Is it empty, or normalised like the paths that it is compared with? Otherwise it would never match. */
static bool is_normal_path(struct span text) {
    char room[HTTP1_TARGET_MAX];
    struct span normal;
    if (text.n == 0)
        return true;
    return char_run(text.p, text.n, CHAR_TARGET) == text.n && !memchr(text.p, '?', text.n) &&
           uri_normalise(text, room, sizeof(room), &normal) == 0 && span_equal(normal, text);
}

static bool is_bodiless(long status) {
    return status == 204 || status == 304;
}

static bool is_uri(const char *text) {
    for (; *text; text++)
        if (!char_is(*text, CHAR_TARGET) && *text != '#')
            return false;
    return true;
}

#define FAULTS 8u

/* A sentence about what the i-th check finds wrong; NULL: nothing. */
static const char *fault(const struct route_settings *settings, size_t i) {
    int answers =
        (*settings->upstream != '\0') + (*settings->redirect != '\0') + (settings->answer_status > 0);
    struct uri_authority authority;
    const struct {
        bool is_wrong;
        const char *reason;
    } rows[FAULTS] = {
        {!is_normal_path(span_text(settings->strip_prefix)),
         "strip_prefix: not the start of a normalised path"},
        {!is_normal_path(span_text(settings->add_prefix)), "add_prefix: not the start of a normalised path"},
        {answers > 1, "only one of upstream, redirect and answer_status can answer"},
        {settings->answer_status > 0 && settings->answer_status < 200,
         "answer_status: an answer has a status from 200 on"},
        {*settings->answer_body && is_bodiless(settings->answer_status),
         "answer_body: an answer of this status has none"}, /* RFC 9110, 6.4.1 */
        {settings->redirect_status >= 304 && settings->redirect_status <= 306,
         "redirect_status: not that of a redirection"}, /* RFC 9110, 15.4 */
        {*settings->host && uri_authority_decode(span_text(settings->host), &authority) != 0,
         "host: not a host, with or without a port"},
        {!is_uri(settings->redirect), "redirect: a byte that no URI has"},
    };
    return rows[i].is_wrong ? rows[i].reason : NULL;
}

/* Parses the lists from *step on, up to a mistake. */
static int parse_transforms(struct route *route, size_t *step, char *why, size_t why_size) {
    const struct route_settings *settings = route->settings;
    const struct {
        const char *name, *list;
        enum transform_kind kind;
        struct transforms *to;
    } lists[] = {
        {"request_set", settings->request_set, TRANSFORM_SET, &route->request},
        {"request_add", settings->request_add, TRANSFORM_ADD, &route->request},
        {"request_remove", settings->request_remove, TRANSFORM_REMOVE, &route->request},
        {"request_rename", settings->request_rename, TRANSFORM_RENAME, &route->request},
        {"response_set", settings->response_set, TRANSFORM_SET, &route->response},
        {"response_add", settings->response_add, TRANSFORM_ADD, &route->response},
        {"response_remove", settings->response_remove, TRANSFORM_REMOVE, &route->response},
        {"response_rename", settings->response_rename, TRANSFORM_RENAME, &route->response},
    };
    while (*step - FAULTS < sizeof(lists) / sizeof(lists[0])) {
        size_t i = (*step)++ - FAULTS;
        char reason[300] = "out of memory";
        int error = transforms_add(lists[i].to, lists[i].kind, lists[i].list, reason, sizeof(reason));
        if (error) {
            snprintf(why, why_size, "%s: %s", lists[i].name, reason);
            return error;
        }
    }
    return 0;
}

static int parse(struct route *route, size_t *step, char *why, size_t why_size) {
    while (*step < FAULTS) {
        const char *reason = fault(route->settings, (*step)++);
        if (reason) {
            snprintf(why, why_size, "%s", reason);
            return -EINVAL;
        }
    }
    return parse_transforms(route, step, why, why_size);
}

int route_check(const struct route_settings *settings, size_t *step, char *why, size_t why_size) {
    struct route route = {.settings = settings};
    snprintf(why, why_size, "out of memory");
    int error = parse(&route, step, why, why_size);
    transforms_free(&route.request);
    transforms_free(&route.response);
    return error;
}

static void answer(struct route *route, struct request *request, int status, const char *body) {
    struct http1_reply reply;
    http1_reply_begin(&reply, request, status);
    transforms_write(&route->response, &reply.writer);
    if (*body) {
        http1_reply_field(&reply, "Content-Type",
                          span_text(*body == '{' ? "application/json" : "text/plain; charset=utf-8"));
        http1_reply_bytes(&reply, span_text(body));
    } else if (is_bodiless(status)) {
        http1_reply_empty(&reply, UINT64_MAX);
    } else {
        http1_reply_bytes(&reply, span_of(NULL, 0));
    }
}

void route_fallback(struct route *route, struct request *request, const char *reason) {
    const struct route_settings *settings = route->settings;
    int status = (int)settings->fallback_status;
    route->stats.fallbacks++;
    if (*settings->fallback_body)
        answer(route, request, status, settings->fallback_body);
    else
        http1_reply_error(request, status, status == 503 ? "UNAVAILABLE" : NULL, reason);
}

/* Replies with the redirect, whose text may contain $path and $query. */
static void redirect(struct route *route, struct request *request) {
    const struct exchange *exchange = request->exchange;
    char location[HTTP1_REPLY_ROOM / 2];
    size_t n = 0;
    for (const char *p = route->settings->redirect; *p && n < sizeof(location);) {
        bool path = strncmp(p, "$path", 5) == 0, query = strncmp(p, "$query", 6) == 0;
        struct span part = path ? exchange->path : query ? exchange->head.query : span_of(p, 1);
        p += path ? 5 : query ? 6 : 1;
        while (path && n == 0 && part.n > 1 && part.p[1] == '/')
            part =
                span_of(part.p + 1, part.n - 1); /* two slashes in front would name a host (RFC 3986, 4.2) */
        if (query && part.n == 0 && n > 0 && location[n - 1] == '?')
            n--; /* $path?$query of a request without a query */
        if (n + part.n > sizeof(location)) {
            request_fail(request, STATUS_BAD_REQUEST, "the path is too long for this redirection");
            return;
        }
        if (part.n)
            memcpy(location + n, part.p, part.n);
        n += part.n;
    }
    struct http1_reply reply;
    http1_reply_begin(&reply, request, (int)route->settings->redirect_status);
    http1_reply_field(&reply, "Location", span_of(location, n));
    transforms_write(&route->response, &reply.writer);
    http1_reply_bytes(&reply, span_of(NULL, 0));
}

static void note_breaker(struct route *route, enum breaker_state before) {
    enum breaker_state after = route->breaker.state;
    if (after == before)
        return;
    route->stats.breaker_opens += after == BREAKER_OPEN;
    route->stats.breaker_half_opens += after == BREAKER_HALF_OPEN;
    route->stats.breaker_closes += after == BREAKER_CLOSED;
    log_warn(route->gateway->loop->log, "breaker", log_text("route", route->title),
             log_text("state", breaker_name(after)));
}

static void run(struct request *request, struct exchange *exchange) {
    struct route *route = exchange->handler->context;
    const struct route_settings *settings = route->settings;
    route->stats.requests++;
    if (*settings->redirect) {
        redirect(route, request);
    } else if (settings->answer_status > 0) {
        answer(route, request, (int)settings->answer_status, settings->answer_body);
    } else if (!breaker_admits(&route->breaker, &route->rule, loop_now(route->gateway->loop))) {
        route_fallback(route, request, "the circuit breaker of this route is open");
    } else if (settings->route_requests > 0 && (long)route->stats.open >= settings->route_requests) {
        route->stats.refused++;
        route_fallback(route, request, "too many requests of this route are under way");
    } else {
        proxy_run(route, request, exchange);
    }
}

unsigned route_enter(struct route *route) {
    enum breaker_state before = route->breaker.state;
    unsigned epoch = breaker_enter(&route->breaker, &route->rule, loop_now(route->gateway->loop));
    route->stats.open++;
    note_breaker(route, before);
    return epoch;
}

void route_answered(struct route *route, unsigned epoch, int status) {
    enum breaker_state before = route->breaker.state;
    if (status < 500)
        breaker_began(&route->breaker, epoch, loop_now(route->gateway->loop));
    note_breaker(route, before);
}

static uint64_t *outcome_counter(struct route_stats *stats, int status) {
    return status >= 500   ? &stats->responses_5xx
           : status >= 400 ? &stats->responses_4xx
           : status >= 300 ? &stats->responses_3xx
           : status >= 200 ? &stats->responses_2xx
                           : &stats->failures;
}

void route_book(struct route *route, unsigned epoch, int status, bool good, int64_t ns) {
    struct route_stats *stats = &route->stats;
    enum breaker_state before = route->breaker.state;
    breaker_leave(&route->breaker, &route->rule, epoch, good, loop_now(route->gateway->loop));
    note_breaker(route, before);
    if (status == 0 || status >= 200) /* 101 is an answer, too, and has no counter */
        ++*outcome_counter(stats, status);
    histogram_add(&stats->latency, ns > 0 ? (uint64_t)ns : 0);
}

int route_new(struct gateway *gateway, const struct route_settings *settings, const char *title,
              struct route **out, char *why, size_t why_size) {
    struct route *route = calloc(1, sizeof(*route));
    snprintf(why, why_size, "out of memory");
    if (!route)
        return -ENOMEM;
    route->gateway = gateway;
    route->settings = settings;
    route->title = title;
    route->strip = span_text(settings->strip_prefix);
    while (route->strip.n > 0 && route->strip.p[route->strip.n - 1] == '/')
        route->strip.n--;
    route->add = span_text(settings->add_prefix);
    while (route->add.n > 0 && route->add.p[route->add.n - 1] == '/')
        route->add.n--;
    route->rule = (struct breaker_rule){settings->route_ratio, settings->route_least, settings->route_window,
                                        settings->route_open};
    route->quota = (struct checkout_quota){.connections_most = settings->route_connections,
                                           .pending_most = settings->route_pending,
                                           .retries_most = settings->route_retries};
    TAILQ_INIT(&route->quota.waiting);
    route->handler =
        (struct http_handler){.body_limit = settings->proxy_body ? settings->proxy_body : UINT64_MAX,
                              .early = !*settings->upstream,
                              .sink = &proxy_sink,
                              .run = run,
                              .context = route};
    prometheus_label(route->labels, sizeof(route->labels), "route", title);
    LIST_INSERT_HEAD(&gateway->routes, route, link);
    size_t step = 0;
    int error = parse(route, &step, why, why_size);
    if (!error)
        error = histogram_init(&route->stats.latency, 4, 600000000000u);
    if (!error && *settings->upstream && !(route->upstream = gateway_upstream(gateway, settings->upstream))) {
        snprintf(why, why_size, "upstream: there is none of the name '%s'", settings->upstream);
        error = -EINVAL;
    }
    *out = route;
    return error;
}

void route_free(struct route *route) {
    LIST_REMOVE(route, link);
    transforms_free(&route->request);
    transforms_free(&route->response);
    histogram_free(&route->stats.latency);
    free(route);
}
