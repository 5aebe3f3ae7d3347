/* Objects that are sent often stay open instead of being opened each time; short ones are answered from memory.
 *
 *     asked for the second time -> opened and read as usual -> kept: its descriptor, and the bytes if it is short
 *     later, the first time in a turn: does the name lead to the same version?
 *            else:                     does the descriptor? -> the kept bytes, or a transfer from the descriptor
 *
 * Changes of the name or the file are thus seen at once. A file that was changed a moment ago is not kept, since its
 * next change could have the same timestamp. Changes that no timestamp shows (writing through a mapping) are seen when
 * the entry is too old. A descriptor that is kept is never passed to a client. */
#ifndef SLUICE_HANDLERS_OBJECTS_HOT_H
#define SLUICE_HANDLERS_OBJECTS_HOT_H

#include "handlers/objects/cache.h"

struct objects;

#define HOT_SEEN 1024

/* The object of this key as it is now, with its bytes if it is short; NULL: open it. */
const struct cached *hot_find(struct objects *objects, struct span key);
/* Offers an object that is being sent, with its bytes if it is short: it is kept if it was asked for before. */
void hot_offer(struct objects *objects, const struct object *object, struct span bytes);
/* Takes a hold on a long object that was found, for a request that will send it. */
void hot_take(struct objects *objects, const struct cached *hot, struct object *object);

static inline bool hot_is_short(const struct cached *hot) {
    return hot->bytes_n > 0;
}

#endif
