/* A named group of interchangeable servers.
 *
 *     section -> upstream_settings.c -> servers -> [names.c: looked up in a pool, again and again] -> endpoints
 *     checkout -> upstream_pick.c: balanced over those that are usable and have room -> endpoint
 *              -> none has room, or the first look-up is in progress: waits in a queue, at most timeout_pending -> 503
 *              -> none is usable -> 503 at once */
#ifndef SLUICE_HANDLERS_GATEWAY_UPSTREAM_H
#define SLUICE_HANDLERS_GATEWAY_UPSTREAM_H

#include "handlers/gateway/budget.h"
#include "handlers/gateway/checkout.h"
#include "handlers/gateway/endpoint.h"
#include "handlers/gateway/hashring.h"
#include "handlers/gateway/upstream_settings.h"
#include "reactor/deadlines.h"

#define UPSTREAM_ENDPOINTS 64u /* a set of them is a 64-bit word */

struct gateway;
struct loop;

struct upstream {
    LIST_ENTRY(upstream) link;
    struct gateway *gateway;
    struct loop *loop;
    const struct upstream_settings *settings; /* not owned */
    struct server *servers;
    size_t servers_count;
    struct dial_name *sources;
    size_t sources_count, next_source;
    TAILQ_HEAD(endpoints, endpoint) endpoints;
    size_t count;     /* of them */
    uint64_t numbers; /* of endpoints, in use */
    /* Whoever tries again goes before those who wait for the first time: these may be of the same client's pipeline, and
     * hold their connections until he is answered. */
    struct checkout_queue waiting, again;
    unsigned waiting_count; /* in all of them, and those of routes */
    struct hashring ring;   /* balance = hash */
    bool ring_stale;        /* servers came, went or changed their weight */
    bool serving;           /* inside upstream_serve() */
    struct deadline_class connect, pending, first_byte, idle, total, upgraded, tunnel, proxy_header;
    struct deadline_class check;
    struct breaker_rule breaker;
    int check_from, check_to; /* healthy statuses */
    struct budget budget;
    double looked, judged, logged; /* when names were looked up, outliers judged, the log written */
    unsigned lookups;              /* under way */
};

/* settings must stay valid. 0, or -errno with a sentence in why. */
int upstream_new(struct gateway *gateway, const struct upstream_settings *settings, char *why,
                 size_t why_size);
/* Closes idle connections; waiters are no longer served. */
void upstream_close(struct upstream *upstream);
void upstream_free(struct upstream *upstream);
/* To be called four times a second: look-ups, checks, pool and outlier housekeeping. */
void upstream_tick(struct upstream *upstream, double now);
/* There is room again: serves those who wait. */
void upstream_serve(struct upstream *upstream);
/* The local address for a TCP connection of this family; NULL: any. */
const struct dial_name *upstream_source(struct upstream *upstream, int family);
/* The server with this address, written as in endpoint->text; NULL: there is none. */
struct endpoint *upstream_find(struct upstream *upstream, struct span text);

#endif
