/* Changes of objects, as the kernel reports them (inotify(7)).
 *
 *     changes_want() -> thread: a walk puts a watch on every directory, up to a number of them
 *     kernel -> the loop reads events -> changed(key)        a new directory -> thread: walks it
 *     nobody wants them -> all watches end
 *
 * During a walk events wait in the kernel, so that each of them finds its directory. Lost events, and directories
 * beyond the limit, are reported as changed("", ...): anything below may have changed. */
#ifndef SLUICE_HANDLERS_OBJECTS_CHANGES_H
#define SLUICE_HANDLERS_OBJECTS_CHANGES_H

#include "handlers/objects/roots.h"
#include "proto/object.h"
#include "reactor/inotify.h"
#include "reactor/table.h"

#include <stdint.h>

struct loop;
struct survey;

/* A directory that is watched. */
struct change_watch {
    UT_hash_handle hh;
    int wd;
    size_t n;
    char key[]; /* of its files: "" or ends in '/' */
};

struct changes {
    struct loop *loop;
    const struct roots *roots;
    uint64_t most;     /* watches */
    uint64_t *watched; /* a counter of them */
    /* An object, or with `below` every object whose key starts with key, is new, gone or changed. listed: the set of
     * keys may have changed. */
    void (*changed)(void *context, struct span key, bool below, bool listed);
    void *context;
    struct inotify inotify;
    struct change_watch *watches;
    struct survey *survey; /* under way */
    /* Another survey is due: of the directories below due_prefix, or of those leading to it. */
    bool due, due_ancestors;
    size_t due_n;
    char due_prefix[OBJECT_KEY_MAX + 1];
    int64_t began_ns;         /* for the first survey; 0: it is over */
    bool limited, told_limit; /* the tree has more directories than may be watched; that was logged */
};

/* roots and watched (set to the number of watches) must stay valid. most 0: nothing is ever reported. */
void changes_init(struct changes *changes, struct loop *loop, const struct roots *roots, uint64_t most,
                  uint64_t *watched, void (*changed)(void *context, struct span key, bool below, bool listed),
                  void *context);
/* Starts or stops watching. Called now and then, it also retries what failed. */
void changes_want(struct changes *changes, bool wanted);
/* Somebody wants to know about this key in particular: its directory is watched even if the tree is too large. */
void changes_want_key(struct changes *changes, struct span key);
/* True if no walk is in progress: everything that should be watched is. changed() is called when this becomes true. */
bool changes_settled(const struct changes *changes);
/* The loop has ended. */
void changes_free(struct changes *changes);

#endif
