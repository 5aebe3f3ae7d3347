/* Open objects kept for later requests: found by owner and name, the least recently used one goes.
 *
 *     shared: owner = uid,  name = key:  a description that SHARED requests of one uid pass on
 *     hot:    owner = root, name = path: a short object with its bytes (hot.h)
 *
 * No entry is handed out that is older than max_age. The ledger counts who holds a descriptor: the cache,
 * and every reply on its way. A shared one is never read through: its status flags are anybody's to change. */
#ifndef SLUICE_HANDLERS_OBJECTS_CACHE_H
#define SLUICE_HANDLERS_OBJECTS_CACHE_H

#include "proto/object.h"
#include "reactor/table.h"

#include <sys/queue.h>
#include <sys/types.h>

struct ledger;

/* An open object and the range of it that was asked for. Whoever has it releases fd to the ledger. */
struct object {
    int fd;
    dev_t device;
    struct object_fields fields;
    int root;         /* where it was found: a root's fd */
    const char *path; /* and a path below it; valid in the open job's done() only */
};

struct cached {
    TAILQ_ENTRY(cached) link;
    UT_hash_handle hh;
    double since;         /* the loop's clock */
    int64_t looked_ns;    /* hot: when its name was looked up */
    struct object object; /* its range is the whole */
    uint32_t name_n, bytes_n;
    char name[]; /* owner (4 bytes), name; then bytes */
};

struct cache {
    struct cached *table;
    TAILQ_HEAD(cached_list, cached) recent; /* most recently used first */
    unsigned count, limit;
    double max_age;
    struct ledger *ledger;
};

void cache_init(struct cache *cache, struct ledger *ledger, unsigned limit, double max_age);
void cache_free(struct cache *cache);
/* An entry that is not too old, or NULL. name at most OBJECT_KEY_MAX bytes. */
struct cached *cache_find(struct cache *cache, uint32_t owner, struct span name, double now);
/* Keeps an object (its fd is held once more) and bytes (copied). Without memory nothing is kept. */
void cache_put(struct cache *cache, uint32_t owner, struct span name, const struct object *object,
               struct span bytes, double now);
void cache_forget(struct cache *cache, struct cached *entry);

static inline struct span cached_bytes(const struct cached *entry) {
    return span_of(entry->name + entry->name_n, entry->bytes_n);
}

#endif
