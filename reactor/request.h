/* A request: from a parsed message to its one reply (docs/design.md, contracts 3 and 4).
 *
 *     request_new() -> handler.run() -> request_reply()                       exactly once (asserted)
 *                        \-> job -> done() -> request_find(handle) -> request_reply()
 *     reply -> [kept until all earlier ones of the connection have left] -> outq -> the slot is free,
 *              or, with a body, free when the body ends: request_body_ended()
 *
 * Handlers keep handles, never pointers, across jobs. When the client leaves, cleanup() is called once. */
#ifndef SLUICE_REACTOR_REQUEST_H
#define SLUICE_REACTOR_REQUEST_H

#include "offload/job.h"
#include "proto/span.h"
#include "proto/status.h"
#include "reactor/body.h"

#include <sys/queue.h>

struct conn;
struct exchange;
struct loop;
struct operation;
struct kept_reply;

struct request {
    STAILQ_ENTRY(request) link;
    struct conn *conn;
    struct kept_reply *kept;   /* a reply whose turn has not come */
    struct body *unsent;       /* of a reply that there was no memory for: it ends with the connection */
    struct job *job;           /* in flight for this request, or NULL: cancelled when the client leaves */
    void *state;               /* the handler's */
    struct exchange *exchange; /* HTTP's view of it (exchange.h), or NULL */
    uint64_t offset, count;    /* the handler's: a range */
    uint64_t body_sent;        /* bytes of the body of its reply that have left */
    void (*cleanup)(struct request *request); /* the client left: free state; may be NULL */
    /* The kernel does not let the descriptor of the reply (message) pass: gives another reply at once, fd is the
     * callee's. NULL: there is none. */
    void (*refused)(struct request *request, struct span message, int fd);
    int64_t started_ns;
    uint32_t tag;
    uint32_t reply_n; /* bytes of the reply; the body is not counted */
    uint8_t op, flags;
    bool replied, released, has_body;
    bool again;      /* was replied before, and refused */
    bool open_order; /* may leave before earlier ones (protocols that match by id) */
    bool waiting;    /* for what its client sends next */
};

/* A request of conn, last in its order. NULL: no slot for it (conn_may_parse() says so before). */
struct request *request_new(struct conn *conn);
uint64_t request_handle(const struct request *request);
/* NULL when it is gone. */
struct request *request_find(struct loop *loop, uint64_t handle);
/* The one reply. head and rest are copied. fd: -1, or held for the queue from now on (released by it), and then the
 * request lasts until it has left and there is no body.
 * body: NULL or the queue's from now on (ended by it, not before this returns; request_body_ended() must follow). */
void request_reply(struct request *request, struct span head, struct span rest, int fd, struct body *body);
/* That many descriptors have left with their replies: their requests end. For conn.c. */
void request_passed(struct conn *conn, unsigned fds);
/* Takes the oldest reply with a descriptor back: its request wants another. For conn.c. */
struct request *request_take_back(struct conn *conn);
/* It waits for a message of its client's, which therefore must be read: it does not count for the bound of the
 * connection's requests meanwhile. How many do so at once is the handler's to bound, below CONN_SHARED_REQUESTS. */
void request_wait(struct request *request, bool waiting);
/* Ends a request that wants none, like a notification. */
void request_no_reply(struct request *request);
/* Answers with an error in the connection's protocol. */
void request_fail(struct request *request, enum status status, const char *text);
/* Same, for a negative errno; text names it where the status does not. */
void request_fail_errno(struct request *request, int error);
/* The body of a reply ended; whole: everything was sent. Frees the request. */
void request_body_ended(struct request *request, bool whole);
/* Submits a job for this request; it is cancelled when the client leaves. */
void request_submit(struct request *request, struct job *job, void (*done)(struct job *job), void *context);
/* For done(): the request of a finished job, or NULL when it is gone. */
struct request *request_of_job(struct loop *loop, struct job *job);
/* The connection dies: drops what has not been replied. For conn.c. */
void request_abandon(struct request *request);
struct loop *request_loop(const struct request *request);

#endif
