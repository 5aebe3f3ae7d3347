#include "handlers/http/http.h"

#include "handlers/http/access_log.h"
#include "handlers/http/admin.h"
#include "handlers/http/dispatch.h"
#include "handlers/http/methods.h"
#include "handlers/http/objects.h"
#include "offload/clock.h"
#include "reactor/conn.h"
#include "reactor/listener.h"
#include "reactor/loop.h"

#include <errno.h>
#include <stdio.h>

static const struct setting http_settings[] = {
#define SETTING(kind, field, initial, range, help)                                                           \
    {#field, SETTING_##kind, offsetof(struct http_settings, field), initial, range, help},
#include "handlers/http/options.def"
#undef SETTING
};

const struct settings_table http_settings_table = {"http", http_settings,
                                                   sizeof(http_settings) / sizeof(http_settings[0])};

static const struct counter http_counters[] = {
#define COUNTER(kind, field, help) {#field, COUNTER_##kind, offsetof(struct http_stats, field), help},
#include "handlers/http/stats.def"
#undef COUNTER
};

/* Requests without a handler: for the server as a whole, for a path with other methods, for an unknown path. */
static void unserved(struct request *request, struct exchange *exchange) {
    const struct http *http = http_of(request_loop(request)->http);
    if (exchange->head.method == HTTP1_CONNECT) { /* RFC 9110, 9.3.6 */
        exchange->close = true; /* what follows may be meant for the tunnel, so it is not a request */
        request_fail(request, STATUS_UNSUPPORTED, "there is no CONNECT here");
    } else if (exchange->head.form == HTTP1_ASTERISK) {
        methods_answer(request, http->router.methods | METHODS_READ);
    } else if (exchange->methods || exchange->head.method == HTTP1_OTHER) {
        methods_answer(request, 0);
    } else {
        request_fail(request, STATUS_NOT_FOUND, "nothing is served under this path");
    }
}

bool http_add_path(struct http *http, const char *path, const struct http_handler *handler) {
    if (http->paths_count == HTTP_PATHS)
        return false;
    http->paths[http->paths_count++] = (struct http_path){path, handler};
    return true;
}

bool http_add_page(struct http *http, const char *name, const struct http_handler *handler) {
    if (http->pages_count == HTTP_PATHS)
        return false;
    http->pages[http->pages_count++] = (struct http_path){name, handler};
    return true;
}

static const struct http_handler *configured_route(const struct http *http, struct exchange *exchange) {
    const struct http_handler *handler = NULL;
    unsigned methods;
    if (router_find(&http->router, exchange, &handler, &methods) == ROUTER_NO_METHOD)
        exchange->methods = methods;
    return handler;
}

static const struct http_handler *path_route(const struct http *http, const struct exchange *exchange) {
    for (unsigned i = 0; i < http->paths_count; i++)
        if (span_equal(exchange->path, span_text(http->paths[i].path)))
            return http->paths[i].handler;
    return NULL;
}

/* Administration, then configured routes, then built-in paths, which have the methods that no route has
 * (docs/protocol.md, "HTTP"). */
static const struct http_handler *route(struct http1_service *service, struct request *request,
                                        struct exchange *exchange) {
    static const struct http_handler none = {.early = true, .run = unserved};
    struct http *http = http_of(service);
    const struct http_handler *handler = NULL;
    if (request->conn->listener->options.admin)
        handler = admin_route(exchange);
    if (!handler)
        handler = configured_route(http, exchange);
    if (!handler)
        handler = http_objects_route(http, exchange);
    if (!handler)
        handler = path_route(http, exchange);
    return handler ? handler : &none;
}

static void count(struct http_stats *stats, unsigned status) {
    stats->http_requests++;
    if (status >= 500)
        stats->http_5xx++;
    else if (status >= 400)
        stats->http_4xx++;
    else if (status >= 300)
        stats->http_3xx++;
    else
        stats->http_2xx++;
}

static void ended(struct http1_service *service, struct request *request, struct exchange *exchange) {
    struct http *http = http_of(service);
    int64_t ns = clock_ns() - exchange->started_ns;
    if (exchange->status == 0) {
        http->stats.http_left++;
    } else {
        count(&http->stats, exchange->status);
        histogram_add(&http->stats.http_latency, ns > 0 ? (uint64_t)ns : 0);
    }
    if (http->access_log)
        access_log_write(http->access_log, request, exchange, ns);
}

static void interim(struct http1_service *service) {
    http_of(service)->stats.http_1xx++;
}

int http_init(struct http *http, struct loop *loop, struct objects *objects,
              const struct http_settings *settings, char *why, size_t why_size) {
    http->loop = loop;
    http->objects = objects;
    http->settings = *settings;
    http->service.context = http;
    http->service.route = route;
    http->service.ended = ended;
    http->service.interim = interim;
    http1_service_init(&http->service);
    snprintf(why, why_size, "no memory for the HTTP tables");
    int error = histogram_init(&http->stats.http_latency, 5, 60000000000u);
    if (!error)
        error = histogram_init(&http->stats.http_inline, 5, 60000000000u);
    if (!error)
        error = mime_load(&http->mime, NULL);
    if (!error && !(http->dispatch = dispatch_new(http)))
        error = -ENOMEM;
    if (!error && settings->access_log != ACCESS_OFF)
        error = access_log_open(&http->access_log, http, why, why_size);
    if (error)
        return error;
    loop->http = &http->service;
    loop->fronts[PROTOCOL_HTTP1] = &http1_front;
    loop_add_counters(loop, (struct counters_table){"http", http_counters,
                                                    sizeof(http_counters) / sizeof(http_counters[0]),
                                                    &http->stats});
    return 0;
}

void http_free(struct http *http) {
    if (!http->loop)
        return; /* never started */
    access_log_free(http->access_log);
    dispatch_free(http->dispatch);
    mime_free(&http->mime);
    histogram_free(&http->stats.http_latency);
    histogram_free(&http->stats.http_inline);
}
