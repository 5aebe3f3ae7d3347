/* A request for a connection to an upstream: from the choice of a server to a connected socket, waits and retries
 * included.
 *
 *     errand_begin() -> its quota of connections is used up: in the quota's line -> ... or too late -> failed()
 *                    -> pick a server -> an idle connection -> got(idle)
 *                                     -> dial               -> got(fd)
 *                                        not connected: another server, `retries` times      -> failed()
 *                    -> all are full: in the upstream's line -> ... or too late              -> failed()
 *     got() .. errand_end(): the server counts one more in use
 *
 * Part of a proxied exchange or a tunnel. */
#ifndef SLUICE_HANDLERS_GATEWAY_ERRAND_H
#define SLUICE_HANDLERS_GATEWAY_ERRAND_H

#include "reactor/dial.h"

#include <stdint.h>

struct endpoint;
struct upconn;
struct upstream;

enum errand_failure {
    ERRAND_DOWN,    /* no server is usable */
    ERRAND_CROWDED, /* too many wait */
    ERRAND_LATE,    /* no connection became free in time */
    ERRAND_REFUSED, /* servers did not take the connection */
    ERRAND_SLOW,    /* servers did not take the connection in time */
    ERRAND_SHORT,   /* of descriptors, memory or ports to connect with */
};

TAILQ_HEAD(errand_line, errand);

/* A route's share of an upstream, within the upstream's own limits. */
struct errand_quota {
    long connections_most, pending_most, retries_most; /* 0: no limit */
    unsigned connections;                              /* in use, or waited for in the upstream's line */
    unsigned pending, retries;                         /* waiting in either line; being retried */
    struct errand_line waiting;                        /* for one of its connections */
    bool serving;
};

/* Which connection is wanted. */
struct errand_wish {
    bool pooled;                /* an idle connection will do */
    uint64_t key;               /* for consistent hashing */
    struct errand_quota *quota; /* NULL: none; must stay */
};

struct errand {
    struct dial dial;
    struct upstream *upstream;
    struct endpoint *endpoint; /* the server in use */
    TAILQ_ENTRY(errand) link;
    struct deadline wait_by;
    uint64_t tried; /* a set of servers' numbers */
    unsigned tries;
    unsigned era; /* of the server's breaker, when this try began */
    struct errand_wish wish;
    struct errand_line *line; /* that it waits in; NULL: none */
    bool admitted;            /* counts as one of the quota's connections */
    bool retrying;            /* counts in the quota */
    bool budgeted;            /* counts in the retry budget */
    /* There is a connection, the owner's from now on: idle, a pooled one, or, where that is NULL, fd, a new one. */
    void (*got)(struct errand *errand, struct upconn *idle, int fd);
    void (*failed)(struct errand *errand, enum errand_failure failure);
};

/* got() or failed() may come before this returns. */
void errand_begin(struct errand *errand, struct upstream *upstream, const struct errand_wish *wish,
                  void (*got)(struct errand *errand, struct upconn *idle, int fd),
                  void (*failed)(struct errand *errand, enum errand_failure failure));
/* Once more, after the server in use failed: on another one if there is one. False: it may not be. */
bool errand_retry(struct errand *errand, bool sent);
/* Is another try allowed: by number, and by budget if the server had it in its hands (sent)? */
bool errand_may_retry(struct errand *errand, bool sent);
/* For upstream_serve(): its turn has come. False: it is still in line. */
bool errand_advance(struct errand *errand);
/* The server stays in the owner's use, who ends that by endpoint_left(); the errand itself is over. */
struct endpoint *errand_hand_over(struct errand *errand);
/* The server is not in use any more: nothing comes after this. */
void errand_end(struct errand *errand);
/* The time in line is over. For upstream.c. */
void errand_late(struct deadline *deadline);

#endif
