#include "reactor/dial.h"

#include "reactor/container.h"
#include "reactor/loop.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

static void finish(struct dial *dial, int result) {
    void (*done)(struct dial * dial, int result) = dial->done;
    deadline_clear(&dial->by);
    dial->done = NULL;
    done(dial, result);
}

static void fail(struct dial *dial, int fd, int error) {
    ledger_close(&dial->loop->ledger, fd);
    finish(dial, error);
}

static void on_writable(struct ev_loop *ev, ev_io *io, int events) {
    (void)events;
    struct dial *dial = (struct dial *)(void *)io;
    int error = 0;
    socklen_t length = sizeof(error);
    ev_io_stop(ev, io);
    getsockopt(io->fd, SOL_SOCKET, SO_ERROR, &error, &length);
    if (error)
        fail(dial, io->fd, -error);
    else
        finish(dial, io->fd);
}

static void too_late(struct deadline *deadline) {
    struct dial *dial = CONTAINER_OF(deadline, struct dial, by);
    ev_io_stop(dial->loop->ev, &dial->io);
    fail(dial, dial->io.fd, -ETIMEDOUT);
}

void dial_deadline_init(struct loop *loop, struct deadline_class *class, double seconds) {
    deadlines_add(&loop->deadlines, class, seconds, too_late);
}

/* Has the port chosen at connect(2), when it only has to be unique for the pair of addresses, instead of at bind(2):
 * 28,000 connections to each server instead of in total. */
static int bind_source(int fd, const struct dial_name *source) {
    int on = 1;
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
    return bind(fd, (const struct sockaddr *)&source->address, source->length) == 0 ? 0 : -errno;
}

void dial_begin(struct dial *dial, struct loop *loop, const struct dial_name *server,
                const struct dial_name *source, struct deadline_class *timeout,
                void (*done)(struct dial *dial, int result)) {
    int family = server->address.ss_family, on = 1;
    dial->loop = loop;
    dial->done = done;
    dial->by = (struct deadline){0};
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        finish(dial, -errno);
        return;
    }
    ledger_enter(&loop->ledger, fd, FD_UPSTREAM, 0, loop_now(loop));
    if (family != AF_UNIX)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    int error = family != AF_UNIX && source ? bind_source(fd, source) : 0;
    if (error) {
        fail(dial, fd, error);
        return;
    }
    ev_io_init(&dial->io, on_writable, fd, EV_WRITE);
    if (connect(fd, (const struct sockaddr *)&server->address, server->length) == 0) {
        finish(dial, fd);
    } else if (errno == EINPROGRESS) {
        if (timeout)
            deadline_set(&dial->by, timeout);
        ev_io_start(loop->ev, &dial->io);
    } else {
        fail(dial, fd, -errno);
    }
}

bool dial_is_shortage(int error) {
    return error == -EMFILE || error == -ENFILE || error == -ENOMEM || error == -ENOBUFS ||
           error == -EADDRNOTAVAIL;
}

void dial_cancel(struct dial *dial) {
    if (!dial->done)
        return;
    deadline_clear(&dial->by);
    ev_io_stop(dial->loop->ev, &dial->io);
    ledger_close(&dial->loop->ledger, dial->io.fd);
    dial->done = NULL;
}
