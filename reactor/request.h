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
    struct body *unsent;       /* of a reply that found no memory to be queued: ends with the connection */
    struct job *job;           /* in flight for this request, or NULL: cancelled when the client leaves */
    void *state;               /* the handler's */
    struct exchange *exchange; /* HTTP's view of it (exchange.h), or NULL */
    uint64_t offset, count;    /* the handler's: a range */
    uint64_t body_sent;        /* bytes of the body of its reply that have left */
    void (*cleanup)(struct request *request); /* the client left: free state; may be NULL */
    /* The kernel refuses to pass the descriptor of the reply (message): gives another reply at once; fd is now the
     * callee's. NULL: there is no other reply. */
    void (*refused)(struct request *request, struct span message, int fd);
    int64_t started_ns;
    uint32_t tag;
    uint32_t reply_n; /* bytes of the reply; the body is not counted */
    uint8_t op, flags;
    bool replied, released, has_body;
    bool again;      /* was replied to before, and that reply was refused */
    bool open_order; /* may leave before earlier ones (protocols that match by id) */
    bool waiting;    /* for what its client sends next */
    bool holding;    /* an object that is open, or will be */
};

/* Adds a request to conn, after those it has. NULL: no slot for it, which conn_may_parse() tells before. */
struct request *request_new(struct conn *conn);
uint64_t request_handle(const struct request *request);
/* The request of a handle; NULL when it is gone. */
struct request *request_find(struct loop *loop, uint64_t handle);
/* The one reply. head and rest are copied. fd: -1, or held for the queue from now on (and released by it); there is no
 * body then, and the request lasts until the descriptor is sent. body: NULL, or owned by the queue from now on (which
 * ends it, but not before this returns; the body must then call request_body_ended()). */
void request_reply(struct request *request, struct span head, struct span rest, int fd, struct body *body);
/* fds descriptors have been sent with their replies: their requests end. For conn.c. */
void request_passed(struct conn *conn, unsigned fds);
/* Takes back the oldest reply with a descriptor, and returns its request, which needs another one. For conn.c. */
struct request *request_take_back(struct conn *conn);
/* The request waits for a message from its client, or no longer does. Since that message has to be read, the request
 * does not count for the connection's limit of requests meanwhile; handlers must bound how many wait at once, below
 * CONN_SHARED_REQUESTS. */
void request_wait(struct request *request, bool waiting);
/* The request opens an object, which stays open until the reply has left. conn_may_parse() bounds how many objects
 * pipelines hold in this way. */
void request_hold(struct request *request);
/* Ends a request that gets no reply, like a notification. */
void request_no_reply(struct request *request);
/* Answers with an error in the connection's protocol. */
void request_fail(struct request *request, enum status status, const char *text);
/* The same for a negative errno, which the text names where the status does not. */
void request_fail_errno(struct request *request, int error);
/* The body of a reply has ended; whole: everything was sent. Frees the request. */
void request_body_ended(struct request *request, bool whole);
/* Submits a job for this request; it is cancelled when the client leaves. */
void request_submit(struct request *request, struct job *job, void (*done)(struct job *job), void *context);
/* For done(): the request of a finished job, or NULL when it is gone. */
struct request *request_of_job(struct loop *loop, struct job *job);
/* The connection is dying: drops a request that was not replied to. For conn.c. */
void request_abandon(struct request *request);
struct loop *request_loop(const struct request *request);

#endif
