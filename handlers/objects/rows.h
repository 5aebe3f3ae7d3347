/* A JSON array for an administrator whose rows may be many thousands: some of them each turn of the loop.
 *
 *     rows_start() -> [ next() next() ... ][ next() ... ] ... -> done(request, text)      no request any more: dropped
 */
#ifndef SLUICE_HANDLERS_OBJECTS_ROWS_H
#define SLUICE_HANDLERS_OBJECTS_ROWS_H

#include "reactor/tasks.h"

#include <stdint.h>
#include <stdio.h>

struct loop;
struct request;
struct rows;

/* text: n bytes and a NUL, malloc'ed, the callee's; NULL: no memory. Answers the request. */
typedef void rows_done(struct request *request, char *text, size_t n);
/* Looks at one thing more and prints its row after rows_row(), or nothing. False: there was none. */
typedef bool rows_next(struct rows *rows);

/* Starts the owner's struct, in which its next() keeps the place. */
struct rows {
    struct task task;
    struct loop *loop;
    uint64_t request; /* handle: the client may leave */
    rows_next *next;
    rows_done *done;
    FILE *out;
    char *text;
    size_t n;
    bool any, failed; /* failed: next() may say so, too */
};

/* Puts the text together, then calls done(), unless the client has left. What changes meanwhile may be in it or not.
 * rows: malloc'ed and zeroed but for the owner's part, which needs no freeing; taken over. NULL: no memory, and
 * done() is called at once. */
void rows_start(struct rows *rows, struct request *request, rows_next *next, rows_done *done);
/* Begins a row: where it is to be printed. */
FILE *rows_row(struct rows *rows);

#endif
