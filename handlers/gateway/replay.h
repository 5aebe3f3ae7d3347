/* The body of a request as far as it may have to be sent again: all of it up to a limit, or nothing. */
#ifndef SLUICE_HANDLERS_GATEWAY_REPLAY_H
#define SLUICE_HANDLERS_GATEWAY_REPLAY_H

#include "proto/span.h"

#include <stdint.h>

struct replay {
    char *bytes; /* owned */
    size_t n, size;
    uint64_t limit;
    bool broken; /* some of the body is not here */
};

void replay_init(struct replay *replay, uint64_t limit);
/* Nothing will be sent again. */
void replay_drop(struct replay *replay);
/* Keeps as much as there is room for; returns how much. */
size_t replay_keep_some(struct replay *replay, struct span data);
/* Keeps all of it, or gives up on the whole body. */
void replay_keep(struct replay *replay, struct span data);

static inline bool replay_whole(const struct replay *replay) {
    return !replay->broken;
}

static inline struct span replay_bytes(const struct replay *replay) {
    return span_of(replay->bytes, replay->n);
}

#endif
