/* One exchange through an upstream.
 *
 *     head -> checkout -> connection -> head' -> answer's head -> reply -> [relay] -> pool
 *     body -> sink     -> outq of the connection, up to a limit; a copy is kept while it may have to be sent again
 *
 *     state       since                    too late (its deadline)                  the server's connection ends
 *     CONNECTING  proxy_run(), or a retry  503, 504 (the checkout's)                -
 *     SENDING     a connection             504 (idle, while nothing is taken)       another try, or 502
 *     AWAITING    all of it was sent       another try, or 504 (first_byte)         another try, or 502
 *     ANSWERED    the answer's head        the client is cut (idle)                 the client is cut, or told the end
 *     UPGRADED    101                      the client is cut (timeout_tunnel)       the same
 *
 *     another try: if no byte was sent yet, on another connection, whatever the method; otherwise on another server, if
 * the
 *     request is idempotent, its body was kept and no byte of an answer has come (proxy_failure.c)
 *
 * Whatever ends it - answer complete, client gone, server gone, too late - goes through proxy_finish() or
 * proxy_abandon(). */
#ifndef SLUICE_HANDLERS_GATEWAY_PROXY_H
#define SLUICE_HANDLERS_GATEWAY_PROXY_H

#include "handlers/gateway/checkout.h"
#include "handlers/gateway/endpoint.h"
#include "handlers/gateway/forward.h"
#include "handlers/gateway/replay.h"
#include "handlers/gateway/route.h"
#include "proto/http1_scan.h"
#include "reactor/relay.h"

struct upconn;
struct upstream;

enum proxy_state { PROXY_CONNECTING, PROXY_SENDING, PROXY_AWAITING, PROXY_ANSWERED, PROXY_UPGRADED };

struct proxy {
    struct checkout checkout; /* first */
    struct relay relay;       /* the answer's body */
    struct chunked chunked;
    struct deadline phase_by, total_by; /* of the state; of all of it */
    enum proxy_state state;
    struct request *request; /* open as long as this is */
    struct route *route;
    struct upconn *conn; /* NULL: none yet, or no longer */
    struct http1_scan scan;
    struct replay replay; /* the request's body, while it may be needed again */
    struct forward_framing framing;
    enum http1_method method;
    int status;     /* of the answer */
    unsigned epoch; /* of the route's breaker, when it began */
    int64_t started_ns, sent_ns;
    uint64_t sent_before, received_before; /* by the connection when it was taken */
    uint64_t moved;                        /* bytes both ways, at the last check for silence */
    bool idempotent;
    bool body_over;  /* all of the request's body has come */
    bool blocked;    /* the sink refused bytes */
    bool reused;     /* the connection comes from the pool */
    bool keep_alive; /* the server keeps the connection */
};

extern const struct http_sink proxy_sink;

void proxy_run(struct route *route, struct request *request, struct exchange *exchange);
/* Its connection has room again. */
void proxy_drained(struct proxy *proxy);
/* Bytes have come or gone: restarts the deadline of its state. */
void proxy_rearm(struct proxy *proxy);
/* Records how it went for its server. */
void proxy_book(struct proxy *proxy, enum endpoint_result result);
/* Ends its connection, if it has one; reset: so that the server learns that nobody wants the rest. */
void proxy_let_go(struct proxy *proxy, bool reset);
/* Ends and frees the exchange; the caller has to end the request. */
void proxy_finish(struct proxy *proxy, bool good);
/* The same when the client no longer wants the answer. */
void proxy_abandon(struct proxy *proxy);

/* Has the answer's head gone on to the client? */
static inline bool proxy_has_replied(const struct proxy *proxy) {
    return proxy->state >= PROXY_ANSWERED;
}

static inline struct gateway *gateway_of(const struct proxy *proxy) {
    return proxy->route->gateway;
}

#endif
