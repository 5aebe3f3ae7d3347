#include "handlers/ingest/group.h"

#include "handlers/ingest/settings.h"

#include <errno.h>
#include <stdlib.h>

int group_init(struct group *group, size_t most) {
    *group = (struct group){.room = malloc(most), .most = most};
    STAILQ_INIT(&group->list);
    return group->room ? 0 : -ENOMEM;
}

void group_free(struct group *group) {
    free(group->room);
    group->room = NULL;
}

static void join(struct group *group) {
    struct batch *batch = STAILQ_FIRST(&group->list);
    char *at = group->room;
    group->bytes = group->count == 1 ? batch->bytes : group->room;
    if (group->count == 1)
        return;
    STAILQ_FOREACH (batch, &group->list, link) {
        memcpy(at, batch->bytes, batch->n);
        at += batch->n;
    }
}

void group_gather(struct group *group, struct queue *queue, size_t left) {
    struct batch *batch;
    STAILQ_INIT(&group->list);
    group->n = group->count = 0;
    group->sync = false;
    while ((batch = STAILQ_FIRST(&queue->list)) && batch->n <= left - group->n &&
           (group->n == 0 || group->n + batch->n <= group->most)) {
        queue_take(queue);
        STAILQ_INSERT_TAIL(&group->list, batch, link);
        group->n += batch->n;
        group->count++;
        group->sync |= batch->ack != ACK_WRITE;
        group->end = batch->sequence + batch->count;
    }
    join(group);
}
