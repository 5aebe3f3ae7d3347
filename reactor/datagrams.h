/* Sockets that receive datagrams: many in one call, a bounded number in a turn; those that the kernel dropped are
 * counted.
 *
 *     readable -> recvmmsg (BATCH at once) -> received(datagram) for each -> ended()
 *                     '- control data: SO_RXQ_OVFL, datagrams that found the socket's queue full */
#ifndef SLUICE_REACTOR_DATAGRAMS_H
#define SLUICE_REACTOR_DATAGRAMS_H

#include "proto/address.h"

#include <ev.h>
#include <stdint.h>
#include <sys/types.h>

#define DATAGRAMS_BATCH 32
#define DATAGRAM_MAX    8192 /* bytes; a longer one is truncated and flagged */

struct loop;

struct datagrams_class {
    /* A datagram, valid during the call. cut: it was longer and is truncated. */
    void (*received)(void *context, struct span datagram, bool cut);
    /* All datagrams of one call were received; dropped: how many the kernel has dropped since the last time. */
    void (*ended)(void *context, uint32_t dropped);
};

struct datagrams {
    ev_io io;
    struct loop *loop; /* NULL: not open */
    const struct datagrams_class *class;
    void *context;
    struct address address; /* as bound: port 0 resolved */
    dev_t device;           /* of a Unix socket's file, so that only our own is removed */
    ino_t inode;
    uint32_t dropped;
    char *room; /* for a batch; owned */
};

/* Opens udp: or unixgram: and starts. 0, or -errno with a reason. */
int datagrams_open(struct datagrams *socket, struct loop *loop, const char *address,
                   const struct datagrams_class *class, void *context, char *why, size_t why_size);
/* May also be called for one that is not open. */
void datagrams_close(struct datagrams *socket);

#endif
