/* The last events of a session's streams, for a client that comes back with Last-Event-ID.
 *
 *     an event's id: STREAM-NUMBER    stream 0: that of GET; others: of one POST each; the number counts the session's
 *     the oldest go when a session, or all of them, keep too much: what follows an event is kept whole or not at all */
#ifndef SLUICE_HANDLERS_MCP_RECALL_H
#define SLUICE_HANDLERS_MCP_RECALL_H

#include "proto/span.h"

#include <stdint.h>
#include <sys/queue.h>

#define RECALL_ID 32 /* bytes of an id as text, with its NUL */

/* Of all sessions. */
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
/* first: what the numbers are greater than. */
void recall_init(struct recall *recall, uint64_t first);
void recall_clear(struct recall *recall, struct recall_budget *budget);
/* Keeps an event if it can, and writes its id. */
void recall_add(struct recall *recall, struct recall_budget *budget, unsigned stream, struct span data,
                char id[static RECALL_ID]);
/* Reads an id. False: it is none. */
bool recall_parse(struct span id, unsigned *stream, uint64_t *number);
/* The event of the stream behind that number: *event is the one before, or NULL at first. NULL at the end. */
const struct recall_event *recall_next(const struct recall *recall, unsigned stream, uint64_t number,
                                       const struct recall_event *event);
void recall_print(unsigned stream, uint64_t number, char id[static RECALL_ID]);

#endif
