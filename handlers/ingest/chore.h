/* What a thread of the files pool does for the journal: create, end and remove segments.
 *
 *     chore_*() -> copy of the chore -> pool: run -> loop: done(job), chore_of(job) with what came of it */
#ifndef SLUICE_INGEST_CHORE_H
#define SLUICE_INGEST_CHORE_H

#include "handlers/ingest/retention.h"

#include <stdbool.h>

struct job;
struct journal;
struct loop;

struct chore {
    struct journal *journal; /* for done() */
    int directory;
    uint64_t number; /* of the segment */
    int fd;          /* of it: chore_end() takes it, chore_create() gives it */
    uint64_t size;   /* of it when it is created, or where it is ended */
    /* Which segments may go: those before this number, while all are over most_bytes (0: any size) or the oldest is
     * older than this (0: any age). */
    uint64_t removable_below, most_bytes;
    int64_t oldest_ms;
    bool capped; /* nothing is created beyond most_bytes: -EAGAIN */
    struct retention_result removed;
};

/* Each copies the chore. done() frees it with its argument; job->error is 0 or -errno. False: no memory, or too much
 * work in hand. */
bool chore_create(struct loop *loop, const struct chore *chore, void (*done)(struct job *job));
bool chore_end(struct loop *loop, const struct chore *chore, void (*done)(struct job *job));
bool chore_clear(struct loop *loop, const struct chore *chore, void (*done)(struct job *job));

#endif
