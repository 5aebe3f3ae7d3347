/* A connection to a server that speaks HTTP: a stream, in the pool or in the hands of one proxied exchange.
 *
 *     dial -> upconn_new() -> proxy: head and body out, answer in -> endpoint_give() -> idle -> proxy ...
 *     idle: waits for the server's EOF; ends on that, and on any byte that arrives unasked */
#ifndef SLUICE_HANDLERS_GATEWAY_UPCONN_H
#define SLUICE_HANDLERS_GATEWAY_UPCONN_H

#include "reactor/stream.h"

struct endpoint;
struct proxy;

struct upconn {
    struct stream stream; /* first */
    struct endpoint *endpoint;
    struct proxy *proxy; /* NULL: idle, or dying */
    TAILQ_ENTRY(upconn) idle_link;
    double opened, since; /* seconds: when it was opened, when it became idle */
    uint64_t counted[2];  /* of its bytes, in and out */
    unsigned requests;
    unsigned most; /* requests that the server takes on it; 0: not said */
    bool idle;     /* in the pool */
    bool unread;   /* the last answer ended by its length: bytes behind it may wait in the socket */
};

/* Takes over a connected socket (in the ledger). NULL without memory: it is closed. */
struct upconn *upconn_new(struct endpoint *endpoint, int fd);
/* Its user no longer needs it: closes it; reset: so that the server learns that nobody wants the rest. */
void upconn_end(struct upconn *conn, bool reset);
/* For a pooled connection about to be used: has the server closed it, or sent something unasked? If so, it is
 * counted. */
bool upconn_is_stale(struct upconn *conn);

#endif
