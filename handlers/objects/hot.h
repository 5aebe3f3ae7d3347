/* Objects that are sent again and again are not opened anew each time; short ones are answered from memory.
 *
 *     asked for the second time -> opened and read as ever -> kept: its descriptor, and the bytes if it is short
 *     then, once a turn: does the name lead to the same version?
 *           else:        does the descriptor show it? -> the bytes at hand, or a transfer from the descriptor
 *
 * So whatever is done to the name or the file is seen at once; one that was changed a moment ago is not kept, as its
 * next change might carry the same time. What no time shows (writing through a mapping) ends with the entry's age.
 * A descriptor that is kept is passed to nobody. */
#ifndef SLUICE_HANDLERS_OBJECTS_HOT_H
#define SLUICE_HANDLERS_OBJECTS_HOT_H

#include "handlers/objects/cache.h"

struct objects;

#define HOT_SEEN 1024

/* The object of this key as it is now, with its bytes if it is short; NULL: open it. */
const struct cached *hot_find(struct objects *objects, struct span key);
/* An object that is sent, and its bytes if it is short: keeps it if it was asked for before. */
void hot_offer(struct objects *objects, const struct object *object, struct span bytes);
/* Holds a long object that was found, for a request that will send it. */
void hot_take(struct objects *objects, const struct cached *hot, struct object *object);

static inline bool hot_is_short(const struct cached *hot) {
    return hot->bytes_n > 0;
}

#endif
