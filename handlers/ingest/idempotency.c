#include "handlers/ingest/idempotency.h"

#include "handlers/ingest/settings.h"
#include "proto/little.h"

#include <stdlib.h>

void idempotency_init(struct idempotency *table, double window_s, unsigned most) {
    *table = (struct idempotency){.window_ms = (int64_t)(window_s * 1000), .most = most};
    TAILQ_INIT(&table->list);
}

static size_t bytes_of(const struct idempotency_entry *entry) {
    return sizeof(*entry) + entry->key_n + entry->answer_n;
}

static void forget(struct idempotency *table, struct idempotency_entry *entry) {
    HASH_DEL(table->table, entry);
    if (!entry->pending) {
        TAILQ_REMOVE(&table->list, entry, link);
        table->count--;
        table->bytes -= bytes_of(entry);
    }
    free(entry->answer);
    free(entry);
}

void idempotency_free(struct idempotency *table) {
    struct idempotency_entry *entry, *next;
    HASH_ITER(hh, table->table, entry, next)
    forget(table, entry);
}

static void forget_old(struct idempotency *table, int64_t now_ms) {
    struct idempotency_entry *first;
    while ((first = TAILQ_FIRST(&table->list)) &&
           (table->count > table->most || table->bytes > IDEMPOTENCY_BYTES ||
            first->at_ms < now_ms - table->window_ms))
        forget(table, first);
}

struct idempotency_entry *idempotency_find(struct idempotency *table, struct span key, int64_t now_ms) {
    struct idempotency_entry *entry;
    forget_old(table, now_ms);
    HASH_FIND(hh, table->table, key.p, key.n, entry);
    return entry;
}

struct idempotency_entry *idempotency_begin(struct idempotency *table, struct span key, uint64_t fingerprint,
                                            int ack) {
    struct idempotency_entry *entry = calloc(1, sizeof(*entry) + key.n);
    if (!entry)
        return NULL;
    entry->fingerprint = fingerprint;
    entry->ack = ack;
    entry->pending = true;
    entry->key_n = key.n;
    memcpy(entry->key, key.p, key.n);
    HASH_ADD_KEYPTR(hh, table->table, entry->key, key.n, entry);
    if (TABLE_HAS(entry))
        return entry;
    free(entry);
    return NULL;
}

void idempotency_cancel(struct idempotency *table, struct idempotency_entry *entry) {
    if (entry)
        forget(table, entry);
}

bool idempotency_answer(struct idempotency_entry *entry, struct span answer, uint64_t sequence,
                        uint32_t count) {
    entry->answer = malloc(answer.n + 1);
    if (!entry->answer)
        return false;
    if (answer.n) /* an Influx answer has no body */
        memcpy(entry->answer, answer.p, answer.n);
    entry->answer_n = answer.n;
    entry->sequence = sequence;
    entry->count = count;
    return true;
}

void idempotency_end(struct idempotency *table, struct idempotency_entry *entry, int64_t now_ms) {
    if (!entry->answer) {
        forget(table, entry);
        return;
    }
    entry->at_ms = now_ms;
    entry->pending = false;
    TAILQ_INSERT_TAIL(&table->list, entry, link);
    table->count++;
    table->bytes += bytes_of(entry);
    forget_old(table, now_ms);
}

size_t idempotency_pack(const struct idempotency_entry *entry, char out[8 + IDEMPOTENCY_KEY_MAX]) {
    little_put64(out, entry->fingerprint);
    memcpy(out + 8, entry->key, entry->key_n);
    return 8 + entry->key_n;
}

void idempotency_recover(struct idempotency *table, const struct record *record, struct span packed,
                         struct span answer) {
    int ack = record->flags >> RECORD_ACK_SHIFT & RECORD_ACK_MASK;
    if (packed.n <= 8 || packed.n > 8 + IDEMPOTENCY_KEY_MAX || ack > ACK_MEMORY)
        return;
    struct span key = span_of(packed.p + 8, packed.n - 8);
    struct idempotency_entry *entry = idempotency_find(table, key, record->time_ms);
    if (entry)
        return;
    entry = idempotency_begin(table, key, little_get64(packed.p), ack);
    if (!entry)
        return;
    idempotency_answer(entry, answer, record->sequence, record->count);
    idempotency_end(table, entry, record->time_ms);
}
