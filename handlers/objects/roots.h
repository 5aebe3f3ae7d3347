/* Named directories whose files are the objects.
 *
 *     key "models/a/b" -> root "models" -> path "a/b"      a root without a name has all other keys
 */
#ifndef SLUICE_HANDLERS_OBJECTS_ROOTS_H
#define SLUICE_HANDLERS_OBJECTS_ROOTS_H

#include "proto/span.h"

struct ledger;

struct root {
    char *name; /* "": keys without a prefix */
    char *path;
    int fd; /* O_PATH directory */
};

struct roots {
    struct root *list; /* by name, bytewise */
    unsigned count;
};

/* Adds a root; the texts are copied. 0; -EEXIST: the name is taken; or -errno: path is not a directory that can be
 * opened. */
int roots_add(struct roots *roots, struct ledger *ledger, const char *name, const char *path);
void roots_free(struct roots *roots, struct ledger *ledger);
/* The root of a key, and in *path the path below it; NULL: no root has such a key. */
const struct root *roots_find(const struct roots *roots, struct span key, struct span *path);

#endif
