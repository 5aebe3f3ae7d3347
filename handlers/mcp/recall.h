/* The last events of a session's streams, for a client that comes back with Last-Event-ID.
 *
 *     an event's id: STREAM-NUMBER    stream 0: that of GET; others: of one POST each; numbers count per session
 *     the oldest are dropped when a session, or all together, keep too much: what is kept never has gaps */
#ifndef SLUICE_HANDLERS_MCP_RECALL_H
#define SLUICE_HANDLERS_MCP_RECALL_H

#include "proto/span.h"

#include <stdint.h>
#include <sys/queue.h>

#define RECALL_ID 32 /* bytes of an id as text, with its NUL */

/* What all sessions share. */
struct recall_budget {
    size_t used, most, each;           /* bytes; each: of one session */
    TAILQ_HEAD(, recall_event) by_age; /* the oldest first */
};

struct recall_event {
    STAILQ_ENTRY(recall_event) link;
    TAILQ_ENTRY(recall_event) age;
    struct recall *recall;
    unsigned stream;
    uint64_t number;
    size_t n;
    char data[];
};

struct recall {
    STAILQ_HEAD(, recall_event) list;
    size_t bytes;
    uint64_t last, lost; /* numbers: of the newest event; of the newest one that is not kept */
};

void recall_budget_init(struct recall_budget *budget, size_t most, size_t each);
/* first: numbers are greater than this. */
void recall_init(struct recall *recall, uint64_t first);
void recall_clear(struct recall *recall, struct recall_budget *budget);
/* Keeps an event if there is room and memory, and writes its id. */
void recall_add(struct recall *recall, struct recall_budget *budget, unsigned stream, struct span data,
                char id[static RECALL_ID]);
/* Parses an id. False: it is not one. */
bool recall_parse(struct span id, unsigned *stream, uint64_t *number);
/* The next event of the stream after that number; event: the one before, NULL at first. NULL at the end. */
const struct recall_event *recall_next(const struct recall *recall, unsigned stream, uint64_t number,
                                       const struct recall_event *event);
void recall_print(unsigned stream, uint64_t number, char id[static RECALL_ID]);

#endif
