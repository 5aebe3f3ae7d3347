/* Long work of the loop itself, in pieces, so that others are served between.
 *
 *     pieces_add() -> [ first ][ second ] ...      each turn: first->step() once; when it has ended, the next one
 *
 * One after the other: only one of them holds half a result in memory. */
#ifndef SLUICE_REACTOR_PIECES_H
#define SLUICE_REACTOR_PIECES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

/* Part of something of the owner's; the list's until step() says that it has ended. */
struct piecework {
    TAILQ_ENTRY(piecework) link;
    /* Does about a millisecond of it. False: that was the last, and it is the owner's again (who may free it here). */
    bool (*step)(struct piecework *work);
};

TAILQ_HEAD(pieces, piecework);

static inline void pieces_add(struct pieces *pieces, struct piecework *work) {
    TAILQ_INSERT_TAIL(pieces, work, link);
}

/* For the loop, once a turn. */
void pieces_step(struct pieces *pieces);
/* For the loop's end: does all that is left. */
void pieces_finish(struct pieces *pieces);

#endif
