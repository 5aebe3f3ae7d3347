/* The writer of the log: batches in, acknowledgements out, one write and sync for many.
 *
 *     journal_append(batch) -> queue -> group -> JOB_WRITE (ring: write+fdatasync | files pool) -> batch->done(0)
 *                                         ^-- one at a time; what comes meanwhile is the next group
 *     next segment: created in the files pool before the active one is full; the full one is ended there
 *
 *     WORKING --write: ENOSPC--> FULL: everything is refused with -ENOSPC; a new segment is tried every `retry`
 *        |   <--it was created--'
 *        |--cap reached, the forwarder holds all--> HELD: the same with -EAGAIN
 *        '--sync failed, EIO, ...--> FAILED: everything is refused with -EIO, until a restart: after a failed sync
 *                                    nobody knows what is on the disk
 *
 * Sequences are given when a batch is appended, so the log is in their order; those of a failed group are not given
 * again. With ack = memory done() comes at once and a loss is counted. */
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

    struct group group;                /* in hand, if writing */
    bool writing;                      /* a job writes the group */
    unsigned last_count, before_count; /* batches of the last two */
    int64_t last_ns;                   /* when the last one ended */

    struct deadline_class window_class, retry_class, clear_class;
    struct deadline window, retry, clear;
};

/* Starts with a new segment behind what was recovered, and starts the forwarder (NULL: none). directory (in the ledger)
 * is the journal's from now on. Blocks: for the start. 0, or -errno with a reason. */
int journal_open(struct journal *journal, struct loop *loop, const struct ingest_settings *settings,
                 struct ingest_stats *stats, int directory, const struct recovery *recovery,
                 struct forward *forward, char *why, size_t why_size);
/* After loop_end(): writes what is still waiting (ack = memory) and closes. */
void journal_close(struct journal *journal);
/* Instead, where other work never ends and the process leaves by _exit(2): writes what is still waiting, unless the
 * log's disk is what hangs, and frees nothing. */
void journal_leave(struct journal *journal);

/* Why no batch can be taken now: -EBUSY: the queue is full; -EAGAIN: the log is at its cap and not forwarded; -ENOSPC,
 * -EIO; 0: one can be. */
int journal_refusal(struct journal *journal);
/* Takes a batch over and sets its sequence: batch->done() follows, never from inside this call. Or why not:
 * journal_refusal(), -E2BIG: no segment has room for it; then it still is the caller's. */
int journal_append(struct journal *journal, struct batch *batch);

#endif
