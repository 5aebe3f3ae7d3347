/* The bounded queue of batches that wait for the log.
 *
 *     queue_push() -> [ batch | batch | ... ] -> queue_take()
 *     full at a number of batches or of bytes; then nothing is taken until it is down to three quarters of that, so
 * that
 *     refusals come in runs that clients notice, instead of one by one */
#ifndef SLUICE_HANDLERS_INGEST_QUEUE_H
#define SLUICE_HANDLERS_INGEST_QUEUE_H

#include "handlers/ingest/batch.h"

STAILQ_HEAD(batch_list, batch);

struct queue {
    struct batch_list list;
    uint64_t count, bytes;           /* including batches that were taken and not yet let go */
    uint64_t waiting, waiting_bytes; /* in the list */
    uint64_t most_count, most_bytes;
    bool full;
};

void queue_init(struct queue *queue, uint64_t most_count, uint64_t most_bytes);
/* Would a batch be taken now? */
bool queue_has_room(struct queue *queue);
/* Takes over a batch; the caller has called queue_has_room(). */
void queue_push(struct queue *queue, struct batch *batch);
/* The oldest batch, which still counts until queue_let_go(); NULL: none. */
struct batch *queue_take(struct queue *queue);
void queue_let_go(struct queue *queue, const struct batch *batch);
/* Puts batches that were taken back, before the others; list is empty then. */
void queue_put_back(struct queue *queue, struct batch_list *list);

#endif
