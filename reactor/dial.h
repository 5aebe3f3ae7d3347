/* A connection being made, without blocking.
 *
 *     dial_begin() -> connect(2) -> connected at once, or when the socket is writable -> done(fd)
 *                                   refused, or not within the class's time           -> done(-errno) */
#ifndef SLUICE_REACTOR_DIAL_H
#define SLUICE_REACTOR_DIAL_H

#include "reactor/deadlines.h"

#include <ev.h>
#include <sys/socket.h>

struct loop;

/* A socket address in the kernel's form. */
struct dial_name {
    struct sockaddr_storage address;
    socklen_t length;
};

struct dial {
    ev_io io;
    struct loop *loop;
    struct deadline by;
    void (*done)(struct dial *dial, int result);
};

/* Sets up a class of deadlines for dials: seconds until -ETIMEDOUT, 0: the kernel's. */
void dial_deadline_init(struct loop *loop, struct deadline_class *class, double seconds);
/* Connects to server from source (NULL: any; ignored for Unix sockets) within timeout (NULL: the kernel's). done is
 * called once, perhaps before this returns, with a connected non-blocking socket, in the ledger as FD_UPSTREAM and now
 * the owner's, or with -errno. A full backlog of a Unix socket is -EAGAIN. */
void dial_begin(struct dial *dial, struct loop *loop, const struct dial_name *server,
                const struct dial_name *source, struct deadline_class *timeout,
                void (*done)(struct dial *dial, int result));
/* Does the -errno of done() mean that this host is short of descriptors, memory or ports, rather than a fault of the
 * server? */
bool dial_is_shortage(int error);
/* Ends an attempt that is still in progress; done is not called. */
void dial_cancel(struct dial *dial);

static inline bool dial_active(const struct dial *dial) {
    return dial->done;
}

#endif
