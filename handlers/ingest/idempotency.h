/* Idempotency-Key: a repeated batch gets the answer of the first one, even after a restart.
 *
 *     begin(key) -> pending -> answer() -> logged: end() -> remembered for the window, at most so many, and of their
 *                           |                               bytes at most IDEMPOTENCY_BYTES
 *                           '-> refused: cancel(), the key is free again
 *
 * Key and answer are part of the batch's record in the log, where a restart finds them. */
#ifndef SLUICE_HANDLERS_INGEST_IDEMPOTENCY_H
#define SLUICE_HANDLERS_INGEST_IDEMPOTENCY_H

#include "handlers/ingest/segment.h"
#include "reactor/table.h"

#include <sys/queue.h>

#define IDEMPOTENCY_KEY_MAX 255
#define IDEMPOTENCY_BYTES   ((size_t)64 << 20)

struct idempotency_entry {
    TAILQ_ENTRY(idempotency_entry) link; /* of those that are not pending */
    UT_hash_handle hh;
    uint64_t fingerprint; /* of the body */
    int64_t at_ms;        /* when it was answered */
    uint64_t sequence;
    uint32_t count; /* of samples */
    int ack;        /* what was promised: ACK_* */
    bool pending;
    char *answer; /* owned; NULL: not known yet */
    size_t answer_n;
    size_t key_n;
    char key[];
};

struct idempotency {
    struct idempotency_entry *table;
    TAILQ_HEAD(, idempotency_entry) list; /* the oldest first */
    int64_t window_ms;
    unsigned count, most;
    size_t bytes; /* of those in the list */
};

void idempotency_init(struct idempotency *table, double window_s, unsigned most);
void idempotency_free(struct idempotency *table);
/* The entry of a key, pending or within the window; NULL: the key is new. */
struct idempotency_entry *idempotency_find(struct idempotency *table, struct span key, int64_t now_ms);
/* A new pending entry, whose batch is promised ack; NULL without memory. */
struct idempotency_entry *idempotency_begin(struct idempotency *table, struct span key, uint64_t fingerprint,
                                            int ack);
void idempotency_cancel(struct idempotency *table, struct idempotency_entry *entry);
/* Sets the answer (copied) that repetitions get from now on, even while the entry is still pending (ack = memory).
 * False: no memory. */
bool idempotency_answer(struct idempotency_entry *entry, struct span answer, uint64_t sequence,
                        uint32_t count);
/* The batch is in the log: the entry is no longer pending. If it has no answer, the key is forgotten. */
void idempotency_end(struct idempotency *table, struct idempotency_entry *entry, int64_t now_ms);

/* Packs what a record stores as its key: fingerprint and key. Returns the length. */
size_t idempotency_pack(const struct idempotency_entry *entry, char out[8 + IDEMPOTENCY_KEY_MAX]);
/* Restores an entry from a record, given its key and answer (see record_split()). */
void idempotency_recover(struct idempotency *table, const struct record *record, struct span packed,
                         struct span answer);

#endif
