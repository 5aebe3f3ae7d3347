#include "reactor/pieces.h"

void pieces_step(struct pieces *pieces) {
    struct piecework *work = TAILQ_FIRST(pieces);
    if (!work)
        return;
    TAILQ_REMOVE(pieces, work, link);
    if (work->step(work))
        TAILQ_INSERT_HEAD(pieces, work, link);
}

void pieces_finish(struct pieces *pieces) {
    while (!TAILQ_EMPTY(pieces))
        pieces_step(pieces);
}
