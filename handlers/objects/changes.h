/* Changes of objects, as the kernel tells them (inotify(7)).
 *
 *     changes_want() -> thread: a walk puts a watch on every directory, up to a number of them
 *     kernel -> the loop reads events -> changed(key)        a new directory -> thread: walks it
 *     nobody wants them -> all watches end
 *
 * While a walk is under way events wait in the kernel, so each of them finds its directory. Lost events, and what the
 * limit leaves out, are changed("", ...): anything below may be another one. */
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
    /* An object, or with below every object whose key starts with key, is new, gone or another one. listed: there may
     * be other keys than before. */
    void (*changed)(void *context, struct span key, bool below, bool listed);
    void *context;
    struct inotify inotify;
    struct change_watch *watches;
    struct survey *survey;   /* under way */
    bool due, due_ancestors; /* another one is due, of what is below this or of what leads to it: */
    size_t due_n;
    char due_prefix[OBJECT_KEY_MAX + 1];
    int64_t began_ns;         /* for the first survey; 0: it is over */
    bool limited, told_limit; /* the tree has more directories than may be watched */
};

/* roots and watched, which counts the watches, must stay; most 0: nothing is ever told. */
void changes_init(struct changes *changes, struct loop *loop, const struct roots *roots, uint64_t most,
                  uint64_t *watched, void (*changed)(void *context, struct span key, bool below, bool listed),
                  void *context);
/* Begins or ends. Called now and then it also tries again what failed. */
void changes_want(struct changes *changes, bool wanted);
/* Somebody asks for this key in particular: its directory is watched even in a tree that is too large. */
void changes_want_key(struct changes *changes, struct span key);
/* No walk is under way: all that is to be watched is. changed() is called when it comes about. */
bool changes_settled(const struct changes *changes);
/* The loop has ended. */
void changes_free(struct changes *changes);

#endif
