#include "reactor/datagrams.h"

#include "reactor/inetsock.h"
#include "reactor/loop.h"
#include "reactor/unixsock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#define RECEIVE_BUFFER (4 << 20) /* asked for; the kernel caps it (net.core.rmem_max) */

/* The kernel's count of dropped datagrams, if it came along. */
static void read_control(struct datagrams *socket, struct msghdr *message, uint32_t *dropped) {
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
        uint32_t total;
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SO_RXQ_OVFL)
            continue;
        memcpy(&total, CMSG_DATA(c), sizeof(total));
        *dropped += total - socket->dropped;
        socket->dropped = total;
    }
}

static void on_readable(struct ev_loop *ev, ev_io *io, int events) {
    struct datagrams *socket = io->data;
    struct mmsghdr messages[DATAGRAMS_BATCH] = {0};
    struct iovec places[DATAGRAMS_BATCH];
    char control[DATAGRAMS_BATCH][CMSG_SPACE(sizeof(uint32_t))] __attribute__((aligned(8)));
    uint32_t dropped = 0;
    /* None for a Unix socket: descriptors that somebody sends would come in by it (Linux before 6.16). */
    size_t control_room = socket->address.kind == ADDRESS_UDP ? sizeof(control[0]) : 0;
    (void)ev, (void)events;
    for (unsigned i = 0; i < DATAGRAMS_BATCH; i++) {
        places[i] = (struct iovec){socket->room + (size_t)i * DATAGRAM_MAX, DATAGRAM_MAX};
        messages[i].msg_hdr = (struct msghdr){.msg_iov = &places[i],
                                              .msg_iovlen = 1,
                                              .msg_control = control[i],
                                              .msg_controllen = control_room};
    }
    int n = recvmmsg(io->fd, messages, DATAGRAMS_BATCH, MSG_DONTWAIT | MSG_CMSG_CLOEXEC, NULL);
    for (int i = 0; i < n; i++) {
        read_control(socket, &messages[i].msg_hdr, &dropped);
        socket->class->received(socket->context, span_of(places[i].iov_base, messages[i].msg_len),
                                messages[i].msg_hdr.msg_flags & MSG_TRUNC);
    }
    if (n > 0)
        socket->class->ended(socket->context, dropped);
}

static int bind_unix(struct datagrams *socket, char *why, size_t why_size) {
    struct unixsock options = {
        .address = &socket->address, .mode = 0660, .owner = (uid_t)-1, .group = (gid_t)-1};
    int fd = unixsock_open(&options, why, why_size);
    socket->device = options.device;
    socket->inode = options.inode;
    return fd;
}

int datagrams_open(struct datagrams *socket, struct loop *loop, const char *address,
                   const struct datagrams_class *class, void *context, char *why, size_t why_size) {
    *socket = (struct datagrams){.class = class, .context = context};
    const char *reason = address_parse(span_text(address), &socket->address);
    enum address_kind kind = socket->address.kind;
    if (reason || (kind != ADDRESS_UDP && kind != ADDRESS_UNIXGRAM)) {
        snprintf(why, why_size, "%s", reason ? reason : "not udp:HOST:PORT or unixgram:/PATH");
        return -EINVAL;
    }
    why[0] = '\0';
    int fd = kind == ADDRESS_UDP ? inetsock_bind(&socket->address, SOCK_DGRAM, why, why_size)
                                 : bind_unix(socket, why, why_size);
    if (fd < 0) {
        if (!why[0])
            snprintf(why, why_size, "%s", strerrordesc_np(-fd));
        return fd;
    }
    ledger_enter(&loop->ledger, fd, FD_LISTENER, 0, loop_now(loop));
    socket->room = malloc((size_t)DATAGRAMS_BATCH * DATAGRAM_MAX);
    if (!socket->room) {
        ledger_close(&loop->ledger, fd);
        snprintf(why, why_size, "no memory");
        return -ENOMEM;
    }
    int on = 1, buffer = RECEIVE_BUFFER;
    setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof(on));
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
    socket->loop = loop;
    ev_io_init(&socket->io, on_readable, fd, EV_READ);
    socket->io.data = socket;
    ev_io_start(loop->ev, &socket->io);
    return 0;
}

void datagrams_close(struct datagrams *socket) {
    if (!socket->loop)
        return;
    ev_io_stop(socket->loop->ev, &socket->io);
    if (socket->address.kind == ADDRESS_UNIXGRAM)
        unixsock_unlink(&socket->address, socket->device, socket->inode);
    ledger_release(&socket->loop->ledger, socket->io.fd);
    free(socket->room);
    socket->loop = NULL;
}
