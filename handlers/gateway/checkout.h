/* Checking out a connection to an upstream: from the choice of a server to a connected socket, waits and retries
 * included.
 *
 *     checkout_begin() -> its quota of connections is used up: in the quota's queue -> ... or too late -> failed()
 *                      -> pick a server -> an idle connection -> got(idle)
 *                                       -> dial               -> got(fd)
 *                                          not connected: another server, `retries` times        -> failed()
 *                      -> all are full: in a queue of the upstream -> ... or too late            -> failed()
 *     got() .. checkout_end(): the server counts one more in use
 *
 * Part of a proxied exchange or a tunnel. */
#ifndef SLUICE_HANDLERS_GATEWAY_CHECKOUT_H
#define SLUICE_HANDLERS_GATEWAY_CHECKOUT_H

#include "reactor/dial.h"

#include <stdint.h>

struct endpoint;
struct upconn;
struct upstream;

enum checkout_failure {
    CHECKOUT_DOWN,    /* no server is usable */
    CHECKOUT_CROWDED, /* too many are waiting */
    CHECKOUT_LATE,    /* no connection became free in time */
    CHECKOUT_REFUSED, /* servers did not take the connection */
    CHECKOUT_SLOW,    /* servers did not take the connection in time */
    CHECKOUT_SHORT,   /* of descriptors, memory or ports to connect with */
};

TAILQ_HEAD(checkout_queue, checkout);

/* A route's share of an upstream, within the upstream's own limits. */
struct checkout_quota {
    long connections_most, pending_most, retries_most; /* 0: no limit */
    unsigned connections;                              /* in use, or waited for in the upstream's queue */
    unsigned pending, retries;                         /* waiting in either queue; being retried */
    struct checkout_queue waiting;                     /* for one of its connections */
    bool serving;
};

/* What kind of connection is wanted. */
struct checkout_wish {
    bool pooled;                  /* an idle connection will do */
    uint64_t key;                 /* for consistent hashing */
    struct checkout_quota *quota; /* NULL: none; must stay */
};

struct checkout {
    struct dial dial;
    struct upstream *upstream;
    struct endpoint *endpoint; /* the server in use */
    TAILQ_ENTRY(checkout) link;
    struct deadline wait_by;
    uint64_t tried; /* servers tried so far: a bit set of their numbers */
    unsigned tries;
    unsigned epoch; /* of the server's breaker, when this try began */
    struct checkout_wish wish;
    struct checkout_queue *queue; /* that it waits in; NULL: none */
    bool admitted;                /* counts as one of the quota's connections */
    bool retrying;                /* counts in the quota */
    bool budgeted;                /* counts in the retry budget */
    bool stale;                   /* the last try met a stale connection: its server may be taken again */
    /* There is a connection, owned by the caller from now on: a pooled one (idle); if that is NULL, a new one (fd). */
    void (*got)(struct checkout *checkout, struct upconn *idle, int fd);
    void (*failed)(struct checkout *checkout, enum checkout_failure failure);
};

/* got() or failed() may come before this returns. */
void checkout_begin(struct checkout *checkout, struct upstream *upstream, const struct checkout_wish *wish,
                    void (*got)(struct checkout *checkout, struct upconn *idle, int fd),
                    void (*failed)(struct checkout *checkout, enum checkout_failure failure));
/* Is another try allowed, by number, and by budget if the server has received some of the request (sent)? */
bool checkout_may_retry(struct checkout *checkout, bool sent);
/* Tries again after the server in use failed, on another one if possible; checkout_may_retry() has allowed it. */
void checkout_retry(struct checkout *checkout, bool sent);
/* For upstream_serve(): its turn in the queue has come. False: it still has to wait. */
bool checkout_advance(struct checkout *checkout);
/* Ends the checkout, but the owner keeps using the server, until endpoint_left(). Returns the server. */
struct endpoint *checkout_hand_over(struct checkout *checkout);
/* The server is no longer in use: the checkout is over. */
void checkout_end(struct checkout *checkout);
/* The time to wait for a connection is over. For upstream.c. */
void checkout_late(struct deadline *deadline);

#endif
