/* Short objects that are asked for again and again, answered from memory.
 *
 *     asked for the second time -> opened and read as ever -> kept, with its descriptor
 *     then, once a turn: does the name lead to the same version?
 *           else:        does the descriptor show it? -> the bytes at hand     (one system call instead of four)
 *
 * So whatever is done to the name or the file is seen at once; one that was changed a moment ago is not kept, as its
 * next change might carry the same time. What no time shows (writing through a mapping) ends with the entry's age. */
#ifndef SLUICE_HANDLERS_OBJECTS_HOT_H
#define SLUICE_HANDLERS_OBJECTS_HOT_H

#include "handlers/objects/cache.h"

struct objects;
struct short_read;

#define HOT_SEEN 1024

/* The object of this key as it is now, with its bytes; NULL: open it. */
const struct cached *hot_find(struct objects *objects, struct span key);
/* A short object was read: keeps it if it is whole and was asked for before. */
void hot_offer(struct objects *objects, const struct short_read *read);

#endif
