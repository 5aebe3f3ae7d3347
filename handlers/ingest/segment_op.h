/* Operations on segments that may sleep, done for the journal by a thread of the files pool.
 *
 *     segment_op_*() -> copy of the op -> pool: create, end or clear -> loop: done(job), job->call.argument is the copy
 */
#ifndef SLUICE_HANDLERS_INGEST_SEGMENT_OP_H
#define SLUICE_HANDLERS_INGEST_SEGMENT_OP_H

#include "handlers/ingest/retention.h"

#include <stdbool.h>

struct job;
struct journal;
struct loop;

struct segment_op {
    struct journal *journal; /* for done() */
    int directory;
    uint64_t number; /* of the segment */
    int fd;          /* of it: segment_op_end() takes it, segment_op_create() gives it */
    uint64_t size;   /* of it when it is created, or where it is ended */
    /* Which segments may go: those before this number, while all are over most_bytes (0: any size) or the oldest is
     * older than this (0: any age). None is created beyond most_bytes: -EAGAIN. */
    uint64_t removable_below, most_bytes;
    int64_t oldest_ms;
    struct retention_result removed;
};

/* Each copies the op. done() frees the copy; job->error is 0 or -errno. False: no memory, or too much work in hand. */
bool segment_op_create(struct loop *loop, const struct segment_op *op, void (*done)(struct job *job));
bool segment_op_end(struct loop *loop, const struct segment_op *op, void (*done)(struct job *job));
bool segment_op_clear(struct loop *loop, const struct segment_op *op, void (*done)(struct job *job));

#endif
