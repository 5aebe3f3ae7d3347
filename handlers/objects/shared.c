#include "handlers/objects/shared.h"

#include "proto/object.h"
#include "reactor/ledger.h"

#include <stdlib.h>

void shared_init(struct shared_cache *cache, struct ledger *ledger, unsigned limit, double max_age) {
    *cache = (struct shared_cache){.ledger = ledger, .limit = limit, .max_age = max_age};
    TAILQ_INIT(&cache->recent);
}

static void forget(struct shared_cache *cache, struct shared_entry *entry) {
    HASH_DEL(cache->table, entry);
    TAILQ_REMOVE(&cache->recent, entry, link);
    cache->count--;
    ledger_release(cache->ledger, entry->fd);
    free(entry);
}

void shared_free(struct shared_cache *cache) {
    struct shared_entry *entry;
    while ((entry = TAILQ_FIRST(&cache->recent)))
        forget(cache, entry);
}

static uint32_t make_name(char *name, uint32_t uid, struct span key) {
    memcpy(name, &uid, sizeof(uid));
    memcpy(name + sizeof(uid), key.p, key.n);
    return (uint32_t)(sizeof(uid) + key.n);
}

static struct shared_entry *find(struct shared_cache *cache, const char *name, uint32_t length) {
    struct shared_entry *entry;
    HASH_FIND(hh, cache->table, name, length, entry);
    return entry;
}

const struct shared_entry *shared_find(struct shared_cache *cache, uint32_t uid, struct span key, double now) {
    char name[sizeof(uint32_t) + OBJECT_KEY_MAX];
    struct shared_entry *entry = find(cache, name, make_name(name, uid, key));
    if (!entry)
        return NULL;
    if (now - entry->checked >= cache->max_age) {
        forget(cache, entry);
        return NULL;
    }
    if (entry != TAILQ_FIRST(&cache->recent)) {
        TAILQ_REMOVE(&cache->recent, entry, link);
        TAILQ_INSERT_HEAD(&cache->recent, entry, link);
    }
    return entry;
}

void shared_put(struct shared_cache *cache, uint32_t uid, struct span key, int fd,
                const struct shared_entry *fields, double now) {
    char name[sizeof(uint32_t) + OBJECT_KEY_MAX];
    uint32_t length = make_name(name, uid, key);
    struct shared_entry *entry = find(cache, name, length);
    if (entry)
        forget(cache, entry);
    if (cache->limit == 0)
        return;
    if (cache->count >= cache->limit)
        forget(cache, TAILQ_LAST(&cache->recent, shared_list));
    entry = malloc(sizeof(*entry) + length);
    if (!entry)
        return;
    *entry = *fields;
    entry->checked = now;
    entry->fd = fd;
    entry->length = length;
    memcpy(entry->name, name, length);
    ledger_hold(cache->ledger, fd);
    HASH_ADD(hh, cache->table, name[0], length, entry);
    TAILQ_INSERT_HEAD(&cache->recent, entry, link);
    cache->count++;
}
