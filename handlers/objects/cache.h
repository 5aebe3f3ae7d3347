/* Open objects kept for later requests, found by owner and name; the least recently used one is evicted.
 *
 *     shared: owner = uid,  name = key:  a description that SHARED requests of one uid pass on
 *     hot:    owner = root, name = path: an object that is sent again and again, a short one with its bytes (hot.h)
 *
 * An entry ends when it is max_age old, so that the space of a removed file is freed. The ledger counts who holds a
 * descriptor: the cache, and every reply on its way. A shared one is never used for reading: its holders can change its
 * status flags. */
#ifndef SLUICE_HANDLERS_OBJECTS_CACHE_H
#define SLUICE_HANDLERS_OBJECTS_CACHE_H

#include "proto/object.h"
#include "reactor/deadlines.h"
#include "reactor/ledger.h"
#include "reactor/table.h"

#include <sys/queue.h>
#include <sys/types.h>

/* An open object and the range of it that was asked for. Its owner has to release fd to the ledger. */
struct object {
    int fd;
    dev_t device;
    struct object_fields fields;
    int root;         /* where it was found: a root's fd */
    const char *path; /* and a path below it, in the open job's done(); NULL: it was already open */
};

struct cached {
    TAILQ_ENTRY(cached) link;
    UT_hash_handle hh;
    struct deadline end;
    struct cache *cache;
    int64_t looked_ns;    /* hot: when its name was looked up */
    struct object object; /* its range is the whole */
    uint32_t name_n, bytes_n;
    char name[]; /* owner (4 bytes), name; then bytes */
};

struct cache {
    struct cached *table;
    TAILQ_HEAD(cached_list, cached) recent; /* most recently used first */
    unsigned count, limit;
    enum fd_kind kind;
    struct deadline_class ends;
    struct ledger *ledger;
};

/* Keeps up to limit entries for max_age seconds; if either is 0, nothing is kept. kind: of their descriptors in the
 * ledger meanwhile. */
void cache_init(struct cache *cache, struct ledger *ledger, enum fd_kind kind, struct deadlines *deadlines,
                unsigned limit, double max_age);
void cache_free(struct cache *cache);
/* An entry that is not too old, or NULL. name at most OBJECT_KEY_MAX bytes. */
struct cached *cache_find(struct cache *cache, uint32_t owner, struct span name);
/* Keeps an object (adding a hold on its fd) and bytes (copied). Without memory nothing is kept. */
void cache_put(struct cache *cache, uint32_t owner, struct span name, const struct object *object,
               struct span bytes);
void cache_forget(struct cache *cache, struct cached *entry);

static inline struct span cached_bytes(const struct cached *entry) {
    return span_of(entry->name + entry->name_n, entry->bytes_n);
}

#endif
