/* One option: a row of a settings table, its value in the table's struct, and its text.
 *
 *     text -> option_set(row) -> base + row->offset -> option_text(row) -> the same text, shortest form
 */
#ifndef SLUICE_TOOLS_OPTIONS_H
#define SLUICE_TOOLS_OPTIONS_H

#include "offload/declare.h"

#define OPTION_WHY 256 /* room for a reason */

/* Fills in the defaults of a zeroed struct. 0 or -ENOMEM. */
int option_defaults(const struct settings_table *table, void *base);
/* Frees the texts of the struct. */
void option_release(const struct settings_table *table, void *base);

/* 1 and 0 for the words that mean yes and no, -1 for others. */
int option_flag(const char *text);

/* The row of this name, in which '-' and '_' are the same; NULL if there is none. */
const struct setting *option_find(const struct settings_table *table, const char *name);

/* True if the row's range is a list of words, shown in place of the value's name. */
bool option_has_words(const struct setting *row);
/* What stands for the value in help: its words, or N, SIZE, SECONDS, TEXT, A,B. */
const char *option_value_name(const struct setting *row);

/* Sets the row's field of base. 0; or, with a reason, -EINVAL (which quotes the text) or -ENOMEM, and the field keeps
 * its value. The words of lists are joined by setting_joint(); spaces around them are dropped. */
int option_set(const struct setting *row, void *base, const char *text, char *why, size_t why_size);
/* Adds one word to a list; errors as option_set(). */
int option_append(const struct setting *row, void *base, const char *word, char *why, size_t why_size);

/* The value as option_set() reads it, allocated; NULL without memory. */
char *option_text(const struct setting *row, const void *base);

#endif
