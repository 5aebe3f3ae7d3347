/* The writer of the log: batches in, acknowledgements out, one write and sync for many.
 *
 *     journal_append(batch) -> queue -> group -> JOB_WRITE (ring: write+fdatasync | files pool) -> batch->done(0)
 *                                         ^-- one at a time; what comes meanwhile is the next group
 *     next segment: created in the files pool before the active one is full; the full one is ended there, too
 *
 *     WORKING --write: ENOSPC--> FULL: everything is refused with -ENOSPC; a new segment is tried every `retry`
 *        |   <--it was created--'
 *        |--cap reached, the forwarder holds all--> HELD: the same with -EAGAIN
 *        '--sync failed, EIO, ...--> FAILED: everything is refused with -EIO, until a restart: after a failed sync
 *                                    nobody knows what is on the disk
 *
 * Sequences are assigned when a batch is appended, so the log is in their order; those of a failed group are not
 * reused. With ack = memory done() is called early, and a loss is only counted. */
#ifndef SLUICE_HANDLERS_INGEST_JOURNAL_H
#define SLUICE_HANDLERS_INGEST_JOURNAL_H

#include "handlers/ingest/group.h"
#include "handlers/ingest/recover.h"
#include "handlers/ingest/settings.h"
#include "reactor/deadlines.h"

struct forward;
struct job;
struct loop;

enum journal_state { JOURNAL_WORKING, JOURNAL_FULL, JOURNAL_HELD, JOURNAL_FAILED };

struct journal {
    struct loop *loop;
    const struct ingest_settings *settings; /* not owned */
    struct ingest_stats *stats;             /* not owned */
    struct forward *forward;                /* NULL: none; not owned */
    enum journal_state state;
    int directory;
    int active; /* segment being written; -1: none */
    uint64_t active_number, offset;
    int spare;            /* the next one; -1: none yet */
    uint64_t next_number; /* of a segment to be created */
    uint64_t next_sequence;
    bool creating, clearing; /* a thread makes the spare, or removes old segments */
    struct queue queue;

    struct group group;                /* being written, if writing */
    bool writing;                      /* a job writes the group */
    unsigned last_count, before_count; /* batches of the last two */
    int64_t last_ns;                   /* when the last one ended */

    struct deadline_class window_class, retry_class, clear_class;
    struct deadline window, retry, clear;
};

/* Starts a new segment after what was recovered, and starts the forwarder (NULL: none). Takes over directory (in the
 * ledger). Blocks; for startup only. 0, or -errno with a reason. */
int journal_open(struct journal *journal, struct loop *loop, const struct ingest_settings *settings,
                 struct ingest_stats *stats, int directory, const struct recovery *recovery,
                 struct forward *forward, char *why, size_t why_size);
/* After loop_end(): writes what is still queued (ack = memory) and closes. */
void journal_close(struct journal *journal);
/* Instead, if work does not end and the process leaves by _exit(2): writes what is still queued, unless it is the log's
 * disk that hangs, and frees nothing. */
void journal_leave(struct journal *journal);

/* Why no batch can be taken now: -EBUSY: the queue is full; -EAGAIN: the log is at its cap and not yet forwarded;
 * -ENOSPC; -EIO. 0: one can. */
int journal_refusal(struct journal *journal);
/* Takes over a batch and sets its sequence; batch->done() follows, never from inside this call. 0; or why not, and it
 * is still the caller's: as journal_refusal(), or -E2BIG: no segment has room for it. */
int journal_append(struct journal *journal, struct batch *batch);

#endif
