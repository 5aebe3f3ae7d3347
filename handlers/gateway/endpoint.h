/* A server of an upstream: its pool of idle connections, and what is known about its health.
 *
 *     checkout -> endpoint_take(): the youngest idle connection that is alive and not too old   (hit)
 *              -> dial()                                                                        (miss)
 *     answer complete -> endpoint_give(): back to the pool, or closed
 *
 * One pool for the whole process. Idle connections are watched: the server's EOF removes them at once, and teaches us
 * how long it keeps them (keepalive.h). */
#ifndef SLUICE_HANDLERS_GATEWAY_ENDPOINT_H
#define SLUICE_HANDLERS_GATEWAY_ENDPOINT_H

#include "handlers/gateway/balance.h"
#include "handlers/gateway/breaker.h"
#include "handlers/gateway/keepalive.h"
#include "handlers/gateway/latency.h"
#include "handlers/gateway/outlier.h"
#include "handlers/gateway/server.h"
#include "offload/declare.h"

#include <sys/queue.h>

struct health;
struct upconn;
struct upstream;

struct endpoint_stats {
#define COUNTER(kind, field, help) COUNTER_TYPE_##kind field;
#include "handlers/gateway/endpoint.def"
#undef COUNTER
};

extern const struct counter endpoint_counters[];
extern const size_t endpoint_counters_count;

enum endpoint_result {
    ENDPOINT_GOOD,
    ENDPOINT_BAD,     /* failed, or answered 5xx */
    ENDPOINT_UNKNOWN, /* nothing is known, for example because the client left */
};

struct endpoint {
    TAILQ_ENTRY(endpoint) link;
    struct upstream *upstream;
    const struct server *server; /* the entry of the configuration that it comes from */
    struct dial_name name;
    char text[ADDRESS_TEXT];          /* as its address is written */
    char labels[2 * ADDRESS_TEXT];    /* for Prometheus */
    TAILQ_HEAD(upconns, upconn) idle; /* youngest first */
    unsigned open;                    /* connections, idle ones included, dials not */
    unsigned dials;
    unsigned idle_count;
    unsigned number;          /* of 64, for sets of those already tried */
    struct balance_node node; /* weight: as the last choice saw it; active: connections in use and dials */
    long weight;              /* as configured or set by hand; 0 drains */
    bool drained;             /* by hand */
    bool gone;                /* its name no longer resolves to it: freed when nothing is open */
    bool down;                /* according to the health check */
    struct keepalive keepalive;
    struct outlier outlier;
    struct breaker breaker;
    struct health *health; /* NULL: no checks */
    struct dial spare;     /* a connection on its way into the pool, for min_idle */
    double spare_after;    /* when the next one may be tried */
    bool opening;          /* spares, right now */
    struct endpoint_stats stats, logged;
    struct latency latency;
    double since; /* when it joined or came back: for its slow start */
};

/* A new server of an upstream, in its list. NULL without memory. */
struct endpoint *endpoint_new(struct upstream *upstream, const struct server *server,
                              const struct dial_name *name);
/* No connection may be open. */
void endpoint_free(struct endpoint *endpoint);
/* May requests be sent to it? */
bool endpoint_usable(const struct endpoint *endpoint);
/* The same, but disregarding its ejection as an outlier and its breaker. */
bool endpoint_serves(const struct endpoint *endpoint);
/* Can it have another connection: within max_connections, or, if a pooled one will do, from the pool? */
bool endpoint_has_room(const struct endpoint *endpoint, bool pooled);
/* It is at max_connections, and its idle connections will not do: closes one of them, after which waiters are
 * served. */
void endpoint_make_room(struct endpoint *endpoint);
/* A pooled connection that may be used now, or NULL. */
struct upconn *endpoint_take(struct endpoint *endpoint);
/* Gives a connection whose answer is complete back to the pool; reusable: both sides may use it again. */
void endpoint_give(struct endpoint *endpoint, struct upconn *conn, bool reusable);
/* A request passes its circuit breaker, which has admitted it. Returns the breaker's epoch, for endpoint_book(). */
unsigned endpoint_enter(struct endpoint *endpoint);
/* Ends one use (node.active): whoever waits may go on. */
void endpoint_left(struct endpoint *endpoint);
/* Records how a request went; status: of the answer, 0 without one. */
void endpoint_book(struct endpoint *endpoint, unsigned epoch, enum endpoint_result result, int status);
/* The head of an answer with this status came after ns nanoseconds. */
void endpoint_answered(struct endpoint *endpoint, unsigned epoch, int status, int64_t ns);
/* Closes idle connections that are too old, opens new ones for min_idle, ends ejections. */
void endpoint_sweep(struct endpoint *endpoint, double now);
/* Ends an interval of outlier detection: ejects the server if its success rate is below the threshold. */
void endpoint_judge(struct endpoint *endpoint, double threshold);
/* A good check: ends an ejection, if there is one. */
void endpoint_readmit(struct endpoint *endpoint);
/* It serves again after a pause: starts its slow start, and serves waiters. */
void endpoint_returned(struct endpoint *endpoint);
/* Closes all idle connections. */
void endpoint_empty(struct endpoint *endpoint);
/* Name look-ups no longer lead to it. */
void endpoint_retire(struct endpoint *endpoint);
/* Name look-ups lead to it again. */
void endpoint_revive(struct endpoint *endpoint);
/* Changes its weight; 0 drains. */
void endpoint_weigh(struct endpoint *endpoint, long weight);
/* Its name for a Host field: its address, or localhost. */
const char *endpoint_host(const struct endpoint *endpoint);
/* True if it has retired and no connection is open. */
bool endpoint_is_over(const struct endpoint *endpoint);
/* The share of hits among all uses of the pool; 0 before the first. */
double endpoint_hit_rate(const struct endpoint *endpoint);
/* Brings the gauges up to date. */
void endpoint_sample(struct endpoint *endpoint);
const char *endpoint_state(const struct endpoint *endpoint);

#endif
