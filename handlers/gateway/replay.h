/* A copy of the request's body, in case it has to be sent again: the whole body up to a limit, or nothing. It is kept
 * as the exchange's body, and counts in request_bytes_total like gathered bodies. */
#ifndef SLUICE_HANDLERS_GATEWAY_REPLAY_H
#define SLUICE_HANDLERS_GATEWAY_REPLAY_H

#include "reactor/exchange.h"

struct replay {
    uint64_t limit;
    bool broken; /* part of the body is missing */
};

/* Drops the copy: nothing will be sent again. */
void replay_drop(struct replay *replay, struct exchange *exchange);
/* Keeps as much as there is room for; returns how much. */
size_t replay_keep_some(struct replay *replay, struct exchange *exchange, struct span data);
/* Keeps all of it, or gives up on the whole body. */
void replay_keep(struct replay *replay, struct exchange *exchange, struct span data);

static inline bool replay_whole(const struct replay *replay) {
    return !replay->broken;
}

static inline struct span replay_bytes(const struct exchange *exchange) {
    return span_of(exchange->body, exchange->body_n);
}

#endif
