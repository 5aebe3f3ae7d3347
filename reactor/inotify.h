/* Events of watched directories (inotify(7)), on the loop.
 *
 *     inotify_open() -> anybody adds watches to its fd -> event() for each event, one buffer of them a turn */
#ifndef SLUICE_REACTOR_INOTIFY_H
#define SLUICE_REACTOR_INOTIFY_H

#include <ev.h>
#include <stdbool.h>
#include <sys/inotify.h>

struct loop;

struct inotify {
    ev_io io; /* fd -1: closed */
    struct loop *loop;
    /* May close it. */
    void (*event)(void *context, const struct inotify_event *event);
    void *context;
};

/* Initialises it as closed. */
void inotify_prepare(struct inotify *inotify, struct loop *loop,
                     void (*event)(void *context, const struct inotify_event *event), void *context);
/* Opens it; nothing is read before inotify_read(). 0 or -errno. */
int inotify_open(struct inotify *inotify);
/* Reads events, or leaves them in the kernel for now. */
void inotify_read(struct inotify *inotify, bool on);
void inotify_close(struct inotify *inotify);

/* -1: closed. */
static inline int inotify_fd(const struct inotify *inotify) {
    return inotify->io.fd;
}

#endif
