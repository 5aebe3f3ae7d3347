/* Descriptors in flight: sent, perhaps not received; the kernel counts them against us (docs/design.md, "Descriptors in
 * flight").
 *
 *     sent since SIOCOUTQ was last 0 = at most so many in flight on this connection
 *     192: ask again     256: pause; an edge-triggered epoll set, watched by the loop as one fd, tells when the
 *     peer has read (a plain write watcher would spin: the socket stays writable)
 *
 * Booked per connection, per peer uid, and in total, from the moment they are queued. Once half of a uid's budget or of
 * the total is booked, a connection pauses until its peer has read everything it was sent. */
#ifndef SLUICE_REACTOR_FDWINDOW_H
#define SLUICE_REACTOR_FDWINDOW_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct loop;
struct stream;
struct peer;

struct fdwindow {
    TAILQ_ENTRY(fdwindow) link; /* while in_flight > 0, the longest in flight first */
    struct stream *stream;
    struct peer *peer;
    uint16_t in_flight; /* sent */
    uint16_t queued;    /* promised, waiting to be sent */
    bool paused;
    bool armed; /* known to the edge-triggered set */
};

struct fdwindows {
    TAILQ_HEAD(, fdwindow) open;
    int epoll;
    ev_io watcher;
    uint64_t in_flight;
    int64_t swept_ns;     /* the turn of the last sweep */
    unsigned left;        /* windows that this sweep may still look at */
    double blocked_until; /* the kernel refused a descriptor (ETOOMANYREFS): none before then */
};

/* 0 or -errno. */
int fdwindows_init(struct loop *loop);
void fdwindows_free(struct loop *loop);
/* May one more descriptor be promised to this connection's peer? Settles what was read meanwhile. */
bool fdwindow_available(struct fdwindow *window);
/* May fds descriptors leave now? If not, the stream is woken when its peer has read. */
bool fdwindow_admit(struct fdwindow *window, unsigned fds);
/* One descriptor was queued for this connection. */
void fdwindow_promise(struct fdwindow *window);
/* fds promised descriptors were sent. */
void fdwindow_passed(struct fdwindow *window, unsigned fds);
/* fds promised descriptors will not be sent after all. */
void fdwindow_take_back(struct fdwindow *window, unsigned fds);
/* True when the peer has read everything (or nothing was in flight). */
bool fdwindow_settle(struct fdwindow *window);
/* The kernel refused a descriptor (ETOOMANYREFS): none are promised for a moment. */
void fdwindow_refused(struct loop *loop);
/* The stream is dying. True: its peer still has descriptors to read, so the shut socket must be kept open; when they
 * are gone stream_bury_again() is called. */
bool fdwindow_hold(struct fdwindow *window);
/* The connection is gone. */
void fdwindow_close(struct fdwindow *window);

#endif
