/* The keys below the roots, in bytewise order.
 *
 *     directory -> the first entries that may lead to wanted keys, directories sorted as "name/" -> in order -> keys
 *                     ^--------- again for those after them, until there are no more --------------------'
 *
 * Blocking: runs in a pool thread. One directory is open at a time, and a bounded number of entries is in memory
 * however large the directories are. */
#ifndef SLUICE_HANDLERS_OBJECTS_WALK_H
#define SLUICE_HANDLERS_OBJECTS_WALK_H

#include "handlers/objects/roots.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct walk {
    const struct roots *roots;    /* must stay */
    struct span prefix, after;    /* must stay; after.n == 0: from the start */
    uint64_t limit;               /* most keys */
    const atomic_bool *cancelled; /* looked at between entries */
    /* Not NULL: directories are wanted instead of keys. Called for each before it is read; key is "" or ends in '/'.
     * False: stop. */
    bool (*directory)(struct walk *walk, int fd, struct span key);
    bool ancestors; /* only the directories that lead to prefix */
    char *keys;     /* out: each key and a newline; malloc'ed */
    size_t used, size;
    uint64_t count, skipped; /* out: keys; names that are not valid keys */
    bool more;               /* out: there are further keys */
    size_t held;             /* internal: entries in memory */
};

/* Runs the walk. 0, -ECANCELED, or an error like -EMFILE, -ENOMEM, -EIO. Directories that we may not read count as
 * empty. */
int walk_keys(struct walk *walk);

#endif
