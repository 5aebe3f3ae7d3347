#include "handlers/objects/cache.h"

#include "reactor/container.h"

#include <stdlib.h>

void cache_forget(struct cache *cache, struct cached *entry) {
    HASH_DEL(cache->table, entry);
    TAILQ_REMOVE(&cache->recent, entry, link);
    deadline_clear(&entry->end);
    cache->count--;
    ledger_retag(cache->ledger, entry->object.fd, FD_OBJECT); /* of whoever holds it still */
    ledger_release(cache->ledger, entry->object.fd);
    free(entry);
}

static void ended(struct deadline *end) {
    struct cached *entry = CONTAINER_OF(end, struct cached, end);
    cache_forget(entry->cache, entry);
}

void cache_init(struct cache *cache, struct ledger *ledger, enum fd_kind kind, struct deadlines *deadlines,
                unsigned limit, double max_age) {
    *cache = (struct cache){.ledger = ledger, .kind = kind, .limit = max_age > 0 ? limit : 0};
    TAILQ_INIT(&cache->recent);
    deadlines_add(deadlines, &cache->ends, max_age, ended);
}

void cache_free(struct cache *cache) {
    struct cached *entry;
    while ((entry = TAILQ_FIRST(&cache->recent)))
        cache_forget(cache, entry);
}

static uint32_t make_name(char *room, uint32_t owner, struct span name) {
    memcpy(room, &owner, sizeof(owner));
    memcpy(room + sizeof(owner), name.p, name.n);
    return (uint32_t)(sizeof(owner) + name.n);
}

static struct cached *find(struct cache *cache, const char *name, uint32_t n) {
    struct cached *entry;
    HASH_FIND(hh, cache->table, name, n, entry);
    return entry;
}

struct cached *cache_find(struct cache *cache, uint32_t owner, struct span name) {
    char room[sizeof(owner) + OBJECT_KEY_MAX];
    struct cached *entry = cache->count ? find(cache, room, make_name(room, owner, name)) : NULL;
    if (!entry)
        return NULL;
    if (deadline_is_past(&entry->end)) {
        cache_forget(cache, entry);
        return NULL;
    }
    if (entry != TAILQ_FIRST(&cache->recent)) {
        TAILQ_REMOVE(&cache->recent, entry, link);
        TAILQ_INSERT_HEAD(&cache->recent, entry, link);
    }
    return entry;
}

void cache_put(struct cache *cache, uint32_t owner, struct span name, const struct object *object,
               struct span bytes) {
    char room[sizeof(owner) + OBJECT_KEY_MAX];
    uint32_t n = make_name(room, owner, name);
    struct cached *entry = find(cache, room, n);
    if (entry)
        cache_forget(cache, entry);
    if (cache->limit == 0)
        return;
    if (cache->count >= cache->limit)
        cache_forget(cache, TAILQ_LAST(&cache->recent, cached_list));
    entry = malloc(sizeof(*entry) + n + bytes.n);
    if (!entry)
        return;
    *entry = (struct cached){.cache = cache, .object = *object, .name_n = n, .bytes_n = (uint32_t)bytes.n};
    memcpy(entry->name, room, n);
    if (bytes.n)
        memcpy(entry->name + n, bytes.p, bytes.n);
    HASH_ADD(hh, cache->table, name[0], n, entry);
    if (!TABLE_HAS(entry)) {
        free(entry);
        return;
    }
    ledger_hold(cache->ledger, object->fd);
    ledger_retag(cache->ledger, object->fd, cache->kind);
    TAILQ_INSERT_HEAD(&cache->recent, entry, link);
    deadline_set(&entry->end, &cache->ends);
    cache->count++;
}
