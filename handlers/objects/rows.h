/* A JSON array for administration that may have many thousands of rows: some of them are made in each turn of the loop.
 *
 *     rows_start() -> [ next() next() ... ][ next() ... ] ... -> done(request, text)      dropped if the client has
 * left
 */
#ifndef SLUICE_HANDLERS_OBJECTS_ROWS_H
#define SLUICE_HANDLERS_OBJECTS_ROWS_H

#include "reactor/tasks.h"

#include <stdint.h>
#include <stdio.h>

struct loop;
struct request;
struct rows;

/* Answers the request. text: n bytes and a NUL, malloc'ed, the callee's; NULL: no memory. */
typedef void rows_done(struct request *request, char *text, size_t n);
/* Looks at one more item and prints its row after rows_row(), or nothing. False: there was none. */
typedef bool rows_next(struct rows *rows);

/* The first member of the owner's struct, in which its next() keeps the place. */
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

/* Builds the text, then calls done(), unless the client has left. Changes meanwhile may or may not be in it. rows:
 * malloc'ed, zeroed except for the owner's part, which needs no freeing; taken over. NULL stands for no memory: done()
 * is called at once. */
void rows_start(struct rows *rows, struct request *request, rows_next *next, rows_done *done);
/* Begins a row; returns the file to print it to. */
FILE *rows_row(struct rows *rows);

#endif
