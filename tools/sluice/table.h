/* A table of texts with aligned columns. */
#ifndef SLUICE_SLUICE_TABLE_H
#define SLUICE_SLUICE_TABLE_H

#include <stdbool.h>
#include <stddef.h>

struct table {
    size_t columns, cells, room;
    char **texts; /* owned, row after row */
    bool failed;  /* out of memory: cells are missing */
};

void table_init(struct table *table, size_t columns);
/* Adds the next cell, a copy of text; control characters become '?'. */
void table_add(struct table *table, const char *text);
/* Prints the rows to standard output, each after indent, and frees the table. Numbers stand to the right,
 * other texts to the left. False: out of memory, nothing was printed. */
bool table_print(struct table *table, const char *indent);

#endif
