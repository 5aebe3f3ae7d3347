/* JSON values as cells of a table, and an array of objects as a whole one. */
#ifndef SLUICE_SLUICE_ROWS_H
#define SLUICE_SLUICE_ROWS_H

#include "tools/sluice/table.h"

#include <jansson.h>
#include <stdbool.h>

/* grouped: digits of integers stand in groups of three. */
void rows_add_value(struct table *table, const json_t *value, bool grouped);
/* A cell for each member's name. */
void rows_add_heading(struct table *table, json_t *columns);
/* A cell for each member of columns, with the row's value. */
void rows_add(struct table *table, json_t *columns, json_t *row, bool grouped);

/* Prints an array of objects, with a column for every member that any of them has, in the order of their first
 * appearance. False: no memory. */
bool rows_print(json_t *rows);

#endif
