#include "handlers/ingest/queue.h"

void queue_init(struct queue *queue, uint64_t most_count, uint64_t most_bytes) {
    *queue = (struct queue){.most_count = most_count, .most_bytes = most_bytes};
    STAILQ_INIT(&queue->list);
}

static bool above(const struct queue *queue, uint64_t quarters) {
    return 4 * queue->count >= quarters * queue->most_count ||
           4 * queue->bytes >= quarters * queue->most_bytes;
}

bool queue_has_room(struct queue *queue) {
    queue->full = above(queue, queue->full ? 3 : 4);
    return !queue->full;
}

void queue_push(struct queue *queue, struct batch *batch) {
    STAILQ_INSERT_TAIL(&queue->list, batch, link);
    queue->count++;
    queue->bytes += batch->n;
    queue->waiting++;
    queue->waiting_bytes += batch->n;
}

struct batch *queue_take(struct queue *queue) {
    struct batch *batch = STAILQ_FIRST(&queue->list);
    if (batch) {
        STAILQ_REMOVE_HEAD(&queue->list, link);
        queue->waiting--;
        queue->waiting_bytes -= batch->n;
    }
    return batch;
}

void queue_let_go(struct queue *queue, const struct batch *batch) {
    queue->count--;
    queue->bytes -= batch->n;
}

void queue_put_back(struct queue *queue, struct batch_list *list) {
    struct batch *batch;
    STAILQ_FOREACH (batch, list, link) {
        queue->waiting++;
        queue->waiting_bytes += batch->n;
    }
    STAILQ_CONCAT(list, &queue->list);
    STAILQ_CONCAT(&queue->list, list);
}
