/* Cached open descriptions for SHARED requests: one per uid and key, since whoever has one can change its status
 * flags for all who share it. The server never reads through them.
 *
 *     lookup: younger than shared_age -> hold it once more and pass it
 *             older or missing        -> open; what was opened replaces the entry
 *
 * Bounded: the least recently used entry goes. The ledger counts who holds a description: the cache, and
 * every reply on its way. */
#ifndef SLUICE_HANDLERS_OBJECTS_SHARED_H
#define SLUICE_HANDLERS_OBJECTS_SHARED_H

#include "proto/span.h"

#include <stdint.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <uthash.h>

struct ledger;

struct shared_entry {
    TAILQ_ENTRY(shared_entry) link;
    UT_hash_handle hh;
    double checked; /* when it was opened, the loop's clock */
    uint64_t size, version;
    int64_t mtime_ns;
    int fd;
    uint32_t length;
    char name[]; /* uid (4 bytes), then the key */
};

struct shared_cache {
    struct shared_entry *table;
    TAILQ_HEAD(shared_list, shared_entry) recent; /* most recently used first */
    unsigned count, limit;
    double max_age;
    struct ledger *ledger;
};

void shared_init(struct shared_cache *cache, struct ledger *ledger, unsigned limit, double max_age);
void shared_free(struct shared_cache *cache);
/* A valid entry, or NULL. */
const struct shared_entry *shared_find(struct shared_cache *cache, uint32_t uid, struct span key, double now);
/* Keeps fd (in the ledger; held once more by the cache) for later requests. Without memory nothing is kept. */
void shared_put(struct shared_cache *cache, uint32_t uid, struct span key, int fd,
                const struct shared_entry *fields, double now);

#endif
