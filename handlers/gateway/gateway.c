#include "handlers/gateway/gateway.h"

#include "handlers/gateway/control.h"
#include "handlers/gateway/proxy_failure.h"
#include "handlers/gateway/route.h"
#include "handlers/gateway/tunnel.h"
#include "handlers/gateway/upstream.h"
#include "handlers/http/http.h"
#include "offload/clock.h"
#include "reactor/container.h"
#include "reactor/loop.h"

#include <errno.h>
#include <stdio.h>

#define TICK 0.25 /* seconds */

static const struct counter gateway_counters[] = {
#define COUNTER(kind, field, help) {#field, COUNTER_##kind, offsetof(struct gateway_stats, field), help},
#include "handlers/gateway/stats.def"
#undef COUNTER
};

/* splitmix64 */
uint64_t gateway_random(struct gateway *gateway) {
    uint64_t z = gateway->seed += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

void gateway_count(struct gateway *gateway, const struct stream *stream, uint64_t counted[2]) {
    gateway->stats.bytes_in += stream->received - counted[0];
    gateway->stats.bytes_out += stream->sent - counted[1];
    counted[0] = stream->received;
    counted[1] = stream->sent;
}

struct http1_fields gateway_fields(struct gateway *gateway) {
    return (struct http1_fields){gateway->fields, 0, HTTP1_FIELDS_MAX};
}

struct upstream *gateway_upstream(const struct gateway *gateway, const char *name) {
    struct upstream *upstream;
    LIST_FOREACH (upstream, &gateway->upstreams, link)
        if (strcmp(upstream->settings->name, name) == 0)
            return upstream;
    return NULL;
}

static void tick(struct deadline *deadline) {
    struct gateway *gateway = CONTAINER_OF(deadline, struct gateway, tick);
    struct upstream *upstream;
    LIST_FOREACH (upstream, &gateway->upstreams, link)
        upstream_tick(upstream, loop_now(gateway->loop));
    deadline_set(&gateway->tick, &gateway->ticks);
}

void gateway_deadlines(struct upstream *upstream) {
    proxy_deadlines(upstream);
    tunnel_deadlines(upstream);
}

/* Endpoints and routes each have a table of their own, with labels. */
static void each_table(void *context, counters_take *take, void *to) {
    struct gateway *gateway = context;
    struct upstream *upstream;
    struct endpoint *endpoint;
    struct route *route;
    LIST_FOREACH (upstream, &gateway->upstreams, link)
        TAILQ_FOREACH (endpoint, &upstream->endpoints, link) {
            endpoint_sample(endpoint);
            struct counters_table table = {"upstream", endpoint_counters, endpoint_counters_count,
                                           &endpoint->stats};
            char name[2 * ADDRESS_TEXT];
            snprintf(name, sizeof(name), "%s %s", upstream->settings->name, endpoint->text);
            take(to, &table, name, endpoint->labels);
        }
    LIST_FOREACH (route, &gateway->routes, link) {
        struct counters_table table = {"route", route_counters, route_counters_count, &route->stats};
        take(to, &table, route->title, route->labels);
    }
}

void gateway_init(struct gateway *gateway, struct loop *loop, struct http *http) {
    gateway->loop = loop;
    gateway->http = http;
    gateway->seed = (uint64_t)clock_ns();
    loop_add_counters(loop, (struct counters_table){"gateway", gateway_counters,
                                                    sizeof(gateway_counters) / sizeof(gateway_counters[0]),
                                                    &gateway->stats});
    loop_add_source(loop, (struct counters_source){gateway, each_table});
    control_add(gateway);
    deadlines_add(&loop->deadlines, &gateway->ticks, TICK, tick);
}

int gateway_add_upstream(struct gateway *gateway, const struct upstream_settings *settings, char *why,
                         size_t why_size) {
    deadline_set(&gateway->tick, &gateway->ticks);
    return upstream_new(gateway, settings, why, why_size);
}

int gateway_add_route(struct gateway *gateway, const struct route_settings *settings, const char *title,
                      char *why, size_t why_size) {
    struct route *route;
    int error = route_new(gateway, settings, title, &route, why, why_size);
    return error ? error : router_add(&gateway->http->router, title, &route->handler, why, why_size);
}

int gateway_add_tunnel(struct gateway *gateway, const struct tunnel_settings *settings, char *why,
                       size_t why_size) {
    return tunnel_open(gateway, settings, why, why_size);
}

void gateway_close(struct gateway *gateway) {
    struct upstream *upstream;
    struct tunnel *tunnel;
    if (!gateway->loop)
        return;
    LIST_FOREACH (tunnel, &gateway->tunnels, link)
        tunnel_close(tunnel);
    gateway->closed = true;
    deadline_clear(&gateway->tick);
    LIST_FOREACH (upstream, &gateway->upstreams, link)
        upstream_close(upstream);
}

void gateway_free(struct gateway *gateway) {
    struct upstream *upstream;
    struct route *route;
    struct tunnel *tunnel;
    while ((tunnel = LIST_FIRST(&gateway->tunnels)))
        tunnel_free(tunnel);
    slots_free(&gateway->pairs);
    while ((route = LIST_FIRST(&gateway->routes)))
        route_free(route);
    while ((upstream = LIST_FIRST(&gateway->upstreams)))
        upstream_free(upstream);
}
