/* The gateway: upstreams, and the routes and tunnels that lead to them.
 *
 *     gateway_init -> gateway_add_upstream ... -> gateway_add_route ... -> gateway_add_tunnel ... -> loop runs
 *     -> gateway_close (connections end) -> loop_end -> gateway_free */
#ifndef SLUICE_HANDLERS_GATEWAY_GATEWAY_H
#define SLUICE_HANDLERS_GATEWAY_GATEWAY_H

#include "handlers/gateway/forward.h"
#include "offload/declare.h"
#include "proto/http1_scan.h"
#include "reactor/deadlines.h"
#include "reactor/http1_front.h"
#include "reactor/slots.h"

#include <sys/queue.h>

struct route_settings;
struct http;
struct loop;
struct route;
struct stream;
struct tunnel;
struct tunnel_settings;
struct upstream;
struct upstream_settings;

struct gateway_stats {
#define COUNTER(kind, field, help) COUNTER_TYPE_##kind field;
#include "handlers/gateway/stats.def"
#undef COUNTER
};

struct gateway {
    struct loop *loop;
    struct http *http;
    struct gateway_stats stats;
    LIST_HEAD(, upstream) upstreams;
    LIST_HEAD(, route) routes;
    LIST_HEAD(, tunnel) tunnels;
    struct slots pairs; /* of all tunnels */
    struct http_handler upstreams_page, drain_page;
    struct deadline_class ticks;
    struct deadline tick;
    uint64_t seed;
    bool closed;
    struct http1_field fields[HTTP1_FIELDS_MAX]; /* of the answer being handled */
    char answer[FORWARD_ROOM];                   /* its head */
    char request[FORWARD_ROOM]; /* the head of a request, which may be sent while an answer is handled */
};

/* Registers the counters with the loop. */
void gateway_init(struct gateway *gateway, struct loop *loop, struct http *http);
/* settings and their texts must stay valid, here and below. 0, or -errno with a sentence in why. */
int gateway_add_upstream(struct gateway *gateway, const struct upstream_settings *settings, char *why,
                         size_t why_size);
int gateway_add_route(struct gateway *gateway, const struct route_settings *settings, const char *title,
                      char *why, size_t why_size);
/* Opens a tunnel's listener. Call it after the other listeners were opened: the line "ready:" names it after them. */
int gateway_add_tunnel(struct gateway *gateway, const struct tunnel_settings *settings, char *why,
                       size_t why_size);
/* Before loop_end(): closes idle connections; nothing new begins. */
void gateway_close(struct gateway *gateway);
void gateway_free(struct gateway *gateway);

/* The upstream of this name, or NULL. */
struct upstream *gateway_upstream(const struct gateway *gateway, const char *name);
/* Adds the bytes of a connection to a server to the counters. counted: those already added, in and out. */
void gateway_count(struct gateway *gateway, const struct stream *stream, uint64_t counted[2]);
/* 64 pseudo-random bits, for choices that need not be unpredictable. */
uint64_t gateway_random(struct gateway *gateway);
/* An empty list with room for the fields of an answer. */
struct http1_fields gateway_fields(struct gateway *gateway);
/* Sets up the deadlines of an upstream's exchanges and tunnels. */
void gateway_deadlines(struct upstream *upstream);

#endif
