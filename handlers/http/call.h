/* A call of a handler: the request as the handler sees it, and the reply that it composes.
 *
 *     exchange -> call on the loop's stack -> handler -> call_send() -> http1_reply_*       inline: no allocation
 *              -> call_new(): memory of its own, holds the exchange
 *                     -> a pool's thread -> handler -> done() -> call_send()                worker
 *                     -> whoever has it by call_defer() -> call_finish() -> post -> call_send()
 *
 * A handler never touches the loop: its reply is recorded here and sent by the loop's thread. Texts are made in the
 * call's own memory. */
#ifndef SLUICE_HANDLERS_HTTP_CALL_H
#define SLUICE_HANDLERS_HTTP_CALL_H

#include "handlers/http/arena.h"
#include "handlers/http/draft.h"
#include "reactor/exchange.h"
#include "reactor/posts.h"
#include "reactor/request.h"

#include <stdatomic.h>

#define CALL_PEER 64 /* bytes of a peer's text */

struct http_stats;

struct call {
    struct sluice_request handle; /* first: what handlers see */
    const struct sluice_route *route;
    struct posts *posts;
    struct request *request;   /* on the loop's stack; NULL in memory of its own */
    struct exchange *exchange; /* held, if in memory of its own */
    bool deferred;             /* somebody else has it, or its successor */

    /* In memory of its own: */
    struct loop *loop;
    struct http_stats *stats;       /* where late replies are counted */
    uint64_t owner;                 /* the request's handle */
    struct sluice_route route_copy; /* the route may go when the loop has ended */
    atomic_bool left;               /* the client did */
    unsigned holders;               /* its job; whoever deferred it */
    struct post post;               /* of call_finish() */
    char peer[CALL_PEER];

    struct draft draft;
    struct arena texts;
};

static inline struct call *call_of(struct sluice_request *request) {
    return (struct call *)(void *)request;
}

/* Sets up a call on the loop's stack, for a handler that runs now. */
void call_init(struct call *call, struct request *request, const struct sluice_route *route);
/* A call in memory of its own, with one holder, for a handler that runs elsewhere. NULL without memory. */
struct call *call_new(struct request *request, const struct sluice_route *route);
/* Runs hooks and handler, on any thread. */
void call_run(struct call *call);
/* Loop: sends the recorded reply. */
void call_send(struct call *call, struct request *request);
/* Frees what a call on the stack owns. */
void call_clean(struct call *call);
/* Removes a holder of a call in memory of its own; the last one frees it. */
void call_release(struct call *call);

/* Like sluice_defer() and sluice_finish(). */
struct sluice_request *call_defer(struct sluice_request *request);
void call_finish(struct sluice_request *request);

#endif
