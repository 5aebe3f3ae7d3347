/* The first entries of a directory in order: as many as there is room for, however many it has.
 *
 *     offered in any order -> a heap with the last of them on top, which gives way to an earlier one -> sorted
 *
 * If some did not fit, the directory is read again for those after the last one. */
#ifndef SLUICE_HANDLERS_OBJECTS_ENTRIES_H
#define SLUICE_HANDLERS_OBJECTS_ENTRIES_H

#include <stdbool.h>
#include <stddef.h>

struct root;

struct entry {
    const struct root *root; /* of a named root at the top; NULL: within the directory's own */
    char name[];             /* of a directory with '/' behind it: so that it sorts as its keys do */
};

struct entries {
    struct entry **list;
    size_t count, size;
    size_t most;  /* room, at least 1 */
    bool dropped; /* there are more than these */
};

/* Is there room for an entry of this name? If not, `dropped` is set. */
bool entries_fits(struct entries *entries, const char *name);
/* Adds a copy of name, for which entries_fits(); the last entry may give way to it. 0 or -ENOMEM. */
int entries_add(struct entries *entries, const char *name, const struct root *root);
void entries_sort(struct entries *entries);
/* Frees them; most stays. */
void entries_clear(struct entries *entries);

#endif
