/* A group: batches that share one write and sync, and their bytes in one piece.
 *
 *     queue: [ batch | batch | batch ] ... -> group_gather() -> bytes: the only one's, or copied together */
#ifndef SLUICE_HANDLERS_INGEST_GROUP_H
#define SLUICE_HANDLERS_INGEST_GROUP_H

#include "handlers/ingest/queue.h"

struct group {
    struct batch_list list;
    unsigned count;
    const char *bytes; /* n of them */
    size_t n;
    char *room; /* for `most` bytes of several batches; owned */
    size_t most;
    bool sync;    /* one of them waits for the disk */
    uint64_t end; /* the sequence behind them */
};

/* 0 or -ENOMEM; free in either case. */
int group_init(struct group *group, size_t most);
void group_free(struct group *group);
/* Takes batches from the queue, whose first has at most `left` bytes: as many as fit into `left` and into `most` bytes
 * together, and at least the first. */
void group_gather(struct group *group, struct queue *queue, size_t left);

#endif
