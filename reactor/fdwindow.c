#include "reactor/fdwindow.h"

#include "reactor/loop.h"

#include <errno.h>
#include <linux/sockios.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define ASK_FROM_PERCENT 75   /* of the window: below it the kernel is not asked */
#define SWEEP            1024 /* windows looked at in a turn, when a budget is spent: 0.1 ms */
#define REFUSED_PAUSE    0.2  /* seconds without promises after ETOOMANYREFS */

static struct loop *loop_of(const struct fdwindow *window) {
    return window->stream->loop;
}

void fdwindow_promise(struct fdwindow *window) {
    window->queued++;
    window->peer->fds++;
    loop_of(window)->fdwindows.in_flight++;
}

void fdwindow_passed(struct fdwindow *window, unsigned fds) {
    struct fdwindows *all = &loop_of(window)->fdwindows;
    if (window->in_flight)
        TAILQ_REMOVE(&all->open, window, link);
    TAILQ_INSERT_TAIL(&all->open, window, link);
    window->queued = (uint16_t)(window->queued - fds);
    window->in_flight = (uint16_t)(window->in_flight + fds);
}

void fdwindow_take_back(struct fdwindow *window, unsigned fds) {
    window->queued = (uint16_t)(window->queued - fds);
    window->peer->fds -= fds;
    loop_of(window)->fdwindows.in_flight -= fds;
}

static void unbook(struct fdwindow *window) {
    struct fdwindows *all = &loop_of(window)->fdwindows;
    if (!window->in_flight)
        return;
    TAILQ_REMOVE(&all->open, window, link);
    window->peer->fds -= window->in_flight;
    all->in_flight -= window->in_flight;
    window->in_flight = 0;
}

bool fdwindow_settle(struct fdwindow *window) {
    int queued = 0;
    if (window->in_flight == 0)
        return true;
    /* The value includes the kernel's own bookkeeping; only 0 is meaningful: the peer has read everything. 1 means the
     * same: the kernel wakes us just before it releases the last message's last byte, and not again after that. */
    if (ioctl(stream_fd(window->stream), SIOCOUTQ, &queued) == 0 && queued > 1)
        return false;
    unbook(window);
    return true;
}

/* Settles windows, those whose descriptors have been in flight longest first, each at most once a turn. */
static void sweep(struct loop *loop) {
    struct fdwindows *all = &loop->fdwindows;
    struct fdwindow *oldest, *unread = NULL;
    if (all->swept_ns != loop->now_ns)
        all->left = SWEEP;
    all->swept_ns = loop->now_ns;
    for (; all->left > 0 && (oldest = TAILQ_FIRST(&all->open)) && oldest != unread; all->left--) {
        if (fdwindow_settle(oldest))
            continue;
        TAILQ_REMOVE(&all->open, oldest, link);
        TAILQ_INSERT_TAIL(&all->open, oldest, link);
        unread = unread ? unread : oldest;
    }
    if (unread)
        all->left = 0; /* the others were looked at already, or come first in the next turn */
}

/* Is less than 1/share of the budgets booked? */
static bool within_budget(const struct fdwindow *window, long share) {
    const struct loop *loop = loop_of(window);
    const struct reactor_settings *settings = &loop->settings;
    return loop->fdwindows.in_flight < (uint64_t)(settings->fds_in_flight / share) &&
           (long)window->peer->fds < settings->fds_per_uid / share;
}

bool fdwindow_available(struct fdwindow *window) {
    struct loop *loop = loop_of(window);
    if (loop->fdwindows.blocked_until != 0) {
        if (loop_now(loop) < loop->fdwindows.blocked_until) {
            loop->stats.fd_refusals++;
            return false;
        }
        loop->fdwindows.blocked_until = 0;
    }
    if (within_budget(window, 2))
        return true;
    /* What is booked may have been read long ago, since the kernel is not asked below the window's own mark. From half
     * of a budget on, each connection settles before it sends, so that many small windows do not add up to the
     * budget. */
    fdwindow_settle(window);
    if (!within_budget(window, 1))
        sweep(loop);
    if (within_budget(window, 1))
        return true;
    loop->stats.fd_refusals++;
    return false;
}

/* Watches for one edge each time the peer reads or hangs up. */
static int arm(struct fdwindow *window) {
    struct fdwindows *all = &loop_of(window)->fdwindows;
    struct epoll_event event = {.events = EPOLLOUT | EPOLLET, .data.ptr = window};
    int operation = window->armed ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    if (epoll_ctl(all->epoll, operation, stream_fd(window->stream), &event) != 0)
        return -errno;
    window->armed = true;
    return 0;
}

bool fdwindow_admit(struct fdwindow *window, unsigned fds) {
    struct loop *loop = loop_of(window);
    unsigned limit = (unsigned)loop->settings.fd_window;
    unsigned after = window->in_flight + fds;
    /* From half of a budget on, a peer must have read everything before its connection sends more. Otherwise what is
     * booked for connections would add up, and others would be refused although all peers read all the time. */
    bool scarce = !within_budget(window, 2);
    if ((!scarce && after * 100 < limit * ASK_FROM_PERCENT) || fdwindow_settle(window) ||
        (!scarce && after <= limit)) {
        window->paused = false;
        return true;
    }
    bool watched = arm(window) == 0; /* no memory for the watch: better a longer window than a stall */
    loop->stats.fd_pauses += watched && !window->paused;
    window->paused = watched;
    return !watched;
}

void fdwindow_refused(struct loop *loop) {
    loop->stats.fd_refusals++;
    loop->fdwindows.blocked_until = loop_now(loop) + REFUSED_PAUSE;
    sweep(loop);
}

bool fdwindow_hold(struct fdwindow *window) {
    if (fdwindow_settle(window))
        return false;
    shutdown(stream_fd(window->stream), SHUT_RDWR);
    return arm(window) == 0;
}

void fdwindow_close(struct fdwindow *window) {
    unbook(window);
    window->peer->fds -= window->queued;
    loop_of(window)->fdwindows.in_flight -= window->queued;
    window->queued = 0;
    if (window->armed)
        epoll_ctl(loop_of(window)->fdwindows.epoll, EPOLL_CTL_DEL, stream_fd(window->stream), NULL);
    window->armed = false;
}

static void peer_has_read(struct fdwindow *window, uint32_t events) {
    struct stream *stream = window->stream;
    /* A hang-up alone says little (both sides may be shut down with descriptors still queued): the queue decides. */
    bool read_all = fdwindow_settle(window);
    if (stream->dying && read_all) {
        stream_bury_again(stream);
    } else if (!stream->dying && read_all) {
        stream_wake(stream);
    } else if (!stream->dying && events & (EPOLLHUP | EPOLLERR)) {
        stream->loop->stats.closed_broken++; /* it reads what it has, if anything, and takes no more */
        stream_abort(stream);
    }
}

static void on_edges(struct ev_loop *ev, ev_io *io, int events) {
    (void)ev, (void)events;
    struct loop *loop = io->data;
    struct epoll_event ready[64];
    int n = epoll_wait(loop->fdwindows.epoll, ready, 64, 0);
    for (int i = 0; i < n; i++)
        peer_has_read(ready[i].data.ptr, ready[i].events);
}

int fdwindows_init(struct loop *loop) {
    struct fdwindows *all = &loop->fdwindows;
    TAILQ_INIT(&all->open);
    all->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (all->epoll < 0)
        return -errno;
    ledger_enter(&loop->ledger, all->epoll, FD_LOOP, 0, loop_now(loop));
    ev_io_init(&all->watcher, on_edges, all->epoll, EV_READ);
    all->watcher.data = loop;
    ev_io_start(loop->ev, &all->watcher);
    return 0;
}

void fdwindows_free(struct loop *loop) {
    ev_io_stop(loop->ev, &loop->fdwindows.watcher);
    ledger_close(&loop->ledger, loop->fdwindows.epoll);
}
