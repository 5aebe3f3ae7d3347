/* One exchange through an upstream.
 *
 *     head -> errand -> connection -> head' -> answer's head -> reply -> [relay] -> pool
 *     body -> sink   -> outq of the connection, at most a mark of it; a copy while it may have to be sent again
 *
 *     failed before a byte was sent         -> another connection, whatever the method
 *     sent, idempotent, no byte of answer   -> another server
 *     else                                  -> 502 | 504, or the client's connection is cut inside the answer
 *
 * Whatever ends it - answer complete, client gone, server gone, too late - goes through one place. */
#ifndef SLUICE_HANDLERS_GATEWAY_PROXY_H
#define SLUICE_HANDLERS_GATEWAY_PROXY_H

#include "handlers/gateway/endpoint.h"
#include "handlers/gateway/errand.h"
#include "handlers/gateway/forward.h"
#include "handlers/gateway/replay.h"
#include "handlers/gateway/route.h"
#include "proto/http1_scan.h"
#include "reactor/relay.h"

struct upconn;
struct upstream;

struct proxy {
    struct errand errand; /* first */
    struct relay relay;   /* the answer's body */
    struct chunked chunked;
    struct deadline phase_by, total_by;
    struct request *request; /* open as long as this is */
    struct route *route;
    struct upconn *conn;
    struct http1_scan scan;
    struct replay replay; /* the request's body, while it may be needed again */
    struct forward_framing framing;
    enum http1_method method;
    int status;   /* of the answer */
    unsigned era; /* of the route's breaker, when it began */
    int64_t started_ns, sent_ns;
    uint64_t sent_before, received_before; /* by the connection when it was taken */
    uint64_t moved;                        /* bytes both ways, when silence was last looked for */
    bool idempotent;
    bool body_over;  /* all of the request's body has come */
    bool blocked;    /* the sink refused bytes */
    bool reused;     /* the connection comes from the pool */
    bool replied;    /* the answer's head has gone on */
    bool keep_alive; /* the server keeps the connection */
    bool upgraded;
};

extern const struct http_sink proxy_sink;

void proxy_run(struct route *route, struct request *request, struct exchange *exchange);
/* Its connection has room again; died. */
void proxy_drained(struct proxy *proxy);
void proxy_lost(struct proxy *proxy);
/* Has its connection taken a byte of the request? */
bool proxy_has_sent(const struct proxy *proxy);
/* Its connection is of no use any more, and the answer's head is not whole. */
void proxy_cut_short(struct proxy *proxy);
/* The answer is no HTTP. */
void proxy_malformed(struct proxy *proxy, const char *reason);
/* A line about the server in use. */
void proxy_log(const struct proxy *proxy, const char *event, const char *reason);
/* Tells the server's books how it went. */
void proxy_book(struct proxy *proxy, enum endpoint_result result);
/* The exchange is over, and freed; the request is the caller's to end. */
void proxy_finish(struct proxy *proxy, bool good);
/* The same when the client does not want it any more. */
void proxy_abandon(struct proxy *proxy);
/* The deadlines of an upstream's exchanges. */
void proxy_deadlines(struct upstream *upstream);

static inline struct gateway *gateway_of(const struct proxy *proxy) {
    return proxy->route->gateway;
}

#endif
