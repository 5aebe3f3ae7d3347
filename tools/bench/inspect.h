/* Looks at what was delivered: --touch reads it, --verify checks it.
 *
 *     descriptor -> inspect_descriptor()                    mapped, touched or hashed
 *     bytes      -> inspect_bytes()... -> inspect_end()     touched or hashed as they come */
#ifndef SLUICE_BENCH_INSPECT_H
#define SLUICE_BENCH_INSPECT_H

#include "tools/bench/plan.h"

#include <stdint.h>

/* What a key's bytes must be. */
struct known {
    uint64_t version, count;
    uint32_t hash;
    bool is;
};

struct inspector {
    const struct plan *plan;
    struct known *known; /* by key; NULL without --verify */
    uint64_t sum;        /* of what was touched: keeps the compiler from leaving it out */
};

/* Of one body. */
struct inspection {
    uint64_t count;
    uint32_t hash;
};

/* 0 or -ENOMEM. */
int inspector_init(struct inspector *inspector, const struct plan *plan);
void inspector_free(struct inspector *inspector);

static inline bool inspector_idle(const struct inspector *inspector) {
    return !inspector->known && inspector->plan->settings->touch == TOUCH_NO;
}

/* The object of size bytes behind fd, delivered for a key. NULL, or what is wrong with it. */
const char *inspect_descriptor(struct inspector *inspector, int fd, uint64_t size, uint32_t key,
                               uint64_t version);
/* The next bytes of a body. */
void inspect_bytes(struct inspector *inspector, struct inspection *inspection, struct span bytes);
/* Its end. NULL, or what is wrong with it. */
const char *inspect_end(struct inspector *inspector, const struct inspection *inspection, uint32_t key,
                        uint64_t version);

#endif
