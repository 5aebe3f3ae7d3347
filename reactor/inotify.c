#include "reactor/inotify.h"

#include "reactor/loop.h"

#include <errno.h>
#include <unistd.h>

#define READ_BYTES 65536

static void on_readable(struct ev_loop *ev, ev_io *io, int events) {
    struct inotify *inotify = io->data;
    char bytes[READ_BYTES] __attribute__((aligned(8)));
    ssize_t n = read(io->fd, bytes, sizeof(bytes));
    (void)ev, (void)events;
    for (ssize_t at = 0; at < n && io->fd >= 0;) {
        const struct inotify_event *event = (const struct inotify_event *)(const void *)(bytes + at);
        at += (ssize_t)(sizeof(*event) + event->len);
        inotify->event(inotify->context, event);
    }
}

void inotify_prepare(struct inotify *inotify, struct loop *loop,
                     void (*event)(void *context, const struct inotify_event *event), void *context) {
    *inotify = (struct inotify){.loop = loop, .event = event, .context = context};
    ev_io_init(&inotify->io, on_readable, -1, EV_READ);
    inotify->io.data = inotify;
}

int inotify_open(struct inotify *inotify) {
    int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (fd < 0)
        return -errno;
    ledger_enter(&inotify->loop->ledger, fd, FD_WATCH, 0, loop_now(inotify->loop));
    ev_io_set(&inotify->io, fd, EV_READ);
    return 0;
}

void inotify_read(struct inotify *inotify, bool on) {
    if (on)
        ev_io_start(inotify->loop->ev, &inotify->io);
    else
        ev_io_stop(inotify->loop->ev, &inotify->io);
}

void inotify_close(struct inotify *inotify) {
    int fd = inotify->io.fd;
    if (fd < 0)
        return;
    ev_io_stop(inotify->loop->ev, &inotify->io);
    ev_io_set(&inotify->io, -1, EV_READ);
    ledger_close(&inotify->loop->ledger, fd);
}
