#include "handlers/mcp/recall.h"

#include "proto/chars.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

void recall_budget_init(struct recall_budget *budget, size_t most, size_t each) {
    *budget = (struct recall_budget){.most = most, .each = each};
    TAILQ_INIT(&budget->by_age);
}

void recall_init(struct recall *recall, uint64_t first) {
    *recall = (struct recall){.last = first, .lost = first};
    STAILQ_INIT(&recall->list);
}

static size_t cost(const struct recall_event *event) {
    return sizeof(*event) + event->n;
}

static void drop_oldest(struct recall *recall, struct recall_budget *budget) {
    struct recall_event *event = STAILQ_FIRST(&recall->list);
    STAILQ_REMOVE_HEAD(&recall->list, link);
    TAILQ_REMOVE(&budget->by_age, event, age);
    recall->bytes -= cost(event);
    budget->used -= cost(event);
    recall->lost = event->number;
    free(event);
}

void recall_clear(struct recall *recall, struct recall_budget *budget) {
    while (!STAILQ_EMPTY(&recall->list))
        drop_oldest(recall, budget);
}

void recall_print(unsigned stream, uint64_t number, char id[static RECALL_ID]) {
    snprintf(id, RECALL_ID, "%u-%" PRIu64, stream, number);
}

static struct recall_event *new_event(const struct recall_budget *budget, unsigned stream, struct span data) {
    size_t size = sizeof(struct recall_event) + data.n;
    struct recall_event *event = size <= budget->each && size <= budget->most ? malloc(size) : NULL;
    if (!event)
        return NULL;
    event->stream = stream;
    event->n = data.n;
    if (data.n)
        memcpy(event->data, data.p, data.n);
    return event;
}

void recall_add(struct recall *recall, struct recall_budget *budget, unsigned stream, struct span data,
                char id[static RECALL_ID]) {
    struct recall_event *event = new_event(budget, stream, data);
    recall_print(stream, ++recall->last, id);
    size_t size = event ? cost(event) : 0;
    while (!STAILQ_EMPTY(&recall->list) && (!event || recall->bytes + size > budget->each))
        drop_oldest(recall, budget);
    while (budget->used + size > budget->most)
        drop_oldest(TAILQ_FIRST(&budget->by_age)->recall,
                    budget); /* the oldest of all is so of its session, too */
    if (!event) {
        recall->lost = recall->last;
        return;
    }
    event->recall = recall;
    event->number = recall->last;
    STAILQ_INSERT_TAIL(&recall->list, event, link);
    TAILQ_INSERT_TAIL(&budget->by_age, event, age);
    recall->bytes += size;
    budget->used += size;
}

bool recall_parse(struct span id, unsigned *stream, uint64_t *number) {
    const char *dash = id.p ? memchr(id.p, '-', id.n) : NULL;
    uint64_t value;
    if (!dash || span_number(span_of(id.p, (size_t)(dash - id.p)), UINT_MAX, &value) != 0 ||
        span_number(span_of(dash + 1, id.n - (size_t)(dash - id.p) - 1), UINT64_MAX, number) != 0)
        return false;
    *stream = (unsigned)value;
    return true;
}

const struct recall_event *recall_next(const struct recall *recall, unsigned stream, uint64_t number,
                                       const struct recall_event *event) {
    event = event ? STAILQ_NEXT(event, link) : STAILQ_FIRST(&recall->list);
    while (event && (event->stream != stream || event->number <= number))
        event = STAILQ_NEXT(event, link);
    return event;
}
