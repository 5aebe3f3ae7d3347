#include "handlers/gateway/control.h"

#include "handlers/gateway/gateway.h"
#include "handlers/gateway/upstream.h"
#include "handlers/http/admin.h"
#include "handlers/http/http.h"
#include "handlers/http/methods.h"
#include "handlers/objects/report.h"
#include "proto/chars.h"
#include "reactor/drain.h"
#include "reactor/loop.h"
#include "reactor/request.h"

#include <jansson.h>
#include <string.h>

#define TYPE "application/json"

static double ms(const struct endpoint *endpoint, double quantile) {
    return (double)histogram_quantile(&endpoint->stats.latency, quantile) / 1e6;
}

json_t *control_row(const struct endpoint *endpoint) {
    const struct endpoint_stats *stats = &endpoint->stats;
    return json_pack("{s:s, s:s, s:s, s:i, s:b, s:i, s:i, s:I, s:I, s:f, s:f, s:f, s:I}", "upstream",
                     endpoint->upstream->settings->name, "server", endpoint->text, "state",
                     endpoint_state(endpoint), "weight", (int)endpoint->weight, "backup",
                     endpoint->server->backup, "active", (int)endpoint->node.active, "idle",
                     (int)endpoint->idle_count, "requests", (json_int_t)stats->requests, "failures",
                     (json_int_t)stats->failures, "reuse", endpoint_hit_rate(endpoint), "p50_ms",
                     ms(endpoint, 0.5), "p99_ms", ms(endpoint, 0.99), "ejections",
                     (json_int_t)stats->ejections);
}

json_t *control_rows(const struct gateway *gateway, const char *name) {
    const struct upstream *upstream;
    const struct endpoint *endpoint;
    json_t *rows = json_array();
    LIST_FOREACH (upstream, &gateway->upstreams, link)
        TAILQ_FOREACH (endpoint, &upstream->endpoints, link)
            if (!name || strcmp(upstream->settings->name, name) == 0)
                json_array_append_new(rows, control_row(endpoint));
    return rows;
}

static void show(const struct gateway *gateway, struct request *request) {
    json_t *rows = control_rows(gateway, NULL);
    admin_reply(request, 200, TYPE, report_print(rows));
    json_decref(rows);
}

/* Finds a server by its address alone; NULL also if several upstreams have it. */
static struct endpoint *find_address(const struct gateway *gateway, const char *text) {
    struct upstream *upstream;
    struct endpoint *found = NULL;
    LIST_FOREACH (upstream, &gateway->upstreams, link) {
        struct endpoint *endpoint = upstream_find(upstream, span_text(text));
        if (endpoint && found)
            return NULL;
        found = endpoint ? endpoint : found;
    }
    return found;
}

struct endpoint *control_find(const struct gateway *gateway, const char *text) {
    char name[2 * ADDRESS_TEXT];
    const char *slash = strchr(text, '/');
    if (!slash || (size_t)(slash - text) >= sizeof(name))
        return find_address(gateway, text);
    *(char *)mempcpy(name, text, (size_t)(slash - text)) = '\0';
    struct upstream *upstream = gateway_upstream(gateway, name);
    return upstream ? upstream_find(upstream, span_text(slash + 1)) : find_address(gateway, text);
}

void control_drain(struct endpoint *endpoint, bool drained) {
    endpoint->drained = drained;
    if (drained)
        endpoint_empty(endpoint);
    else
        endpoint_returned(endpoint);
}

void control_changed(struct endpoint *endpoint) {
    struct upstream *upstream = endpoint->upstream;
    log_info(upstream->loop->log, "server changed", log_text("upstream", upstream->settings->name),
             log_text("server", endpoint->text), log_text("state", endpoint_state(endpoint)),
             log_number("weight", endpoint->weight));
    upstream_serve(upstream);
}

/* Does the action. NULL, or what is wrong with it. */
static const char *change(struct endpoint *endpoint, const char *action, const char *value) {
    uint64_t weight;
    if (strcmp(action, "drain") == 0)
        control_drain(endpoint, true);
    else if (strcmp(action, "undrain") == 0)
        control_drain(endpoint, false);
    else if (strcmp(action, "weight") != 0)
        return "action is drain, undrain or weight";
    else if (span_number(span_text(value), SERVER_WEIGHT_MAX, &weight) != 0)
        return "weight is a number from 0 to 1000";
    else
        endpoint_weigh(endpoint, (long)weight);
    control_changed(endpoint);
    return NULL;
}

static void alter(const struct gateway *gateway, struct request *request, const struct exchange *exchange) {
    char server[2 * ADDRESS_TEXT], action[16], weight[16];
    admin_query(exchange, "server", server, sizeof(server));
    admin_query(exchange, "action", action, sizeof(action));
    admin_query(exchange, "weight", weight, sizeof(weight));
    struct endpoint *endpoint = control_find(gateway, server);
    if (!endpoint) {
        request_fail(request, STATUS_NOT_FOUND,
                     "no such server: it is named UPSTREAM/ADDRESS, or ADDRESS if one upstream has it");
        return;
    }
    const char *wrong = change(endpoint, action, weight);
    if (wrong)
        request_fail(request, STATUS_BAD_REQUEST, wrong);
    else
        show(gateway, request);
}

static void run_upstreams(struct request *request, struct exchange *exchange) {
    const struct gateway *gateway = exchange->handler->context;
    if (exchange->head.method == HTTP1_POST)
        alter(gateway, request, exchange);
    else if (METHODS_READ & 1u << exchange->head.method)
        show(gateway, request);
    else
        methods_answer(request, METHODS_READ | 1u << HTTP1_POST);
}

static void run_drain(struct request *request, struct exchange *exchange) {
    const struct gateway *gateway = exchange->handler->context;
    if (exchange->head.method != HTTP1_POST) {
        methods_answer(request, 1u << HTTP1_POST);
        return;
    }
    drain_begin(gateway->loop);
    admin_reply(request, 200, TYPE, strdup("{\"status\":\"draining\"}\n"));
}

void control_add(struct gateway *gateway) {
    gateway->upstreams_page = (struct http_handler){.early = true, .run = run_upstreams, .context = gateway};
    gateway->drain_page = (struct http_handler){.early = true, .run = run_drain, .context = gateway};
    http_add_page(gateway->http, "upstreams", &gateway->upstreams_page);
    http_add_page(gateway->http, "drain", &gateway->drain_page);
}
