/* Unix listening sockets: created safely, with the wanted owner and mode, and removed again. */
#ifndef SLUICE_REACTOR_UNIXSOCK_H
#define SLUICE_REACTOR_UNIXSOCK_H

#include "proto/address.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct unixsock {
    const struct address *address;
    mode_t mode;
    uid_t owner;  /* (uid_t)-1: unchanged */
    gid_t group;  /* (gid_t)-1: unchanged */
    int backlog;  /* of a socket for streams */
    dev_t device; /* out: of the created file; 0 for an abstract name */
    ino_t inode;
};

/* A non-blocking socket that listens, or for unixgram: receives datagrams. Replaces an existing socket file only if
 * nobody answers on it; refuses a parent directory that is world-writable without the sticky bit. The socket; or
 * -errno, with a sentence in why where errno alone would not tell. */
int unixsock_open(struct unixsock *options, char *why, size_t why_size);
/* Makes the kernel refuse descriptors at their sender (EPERM there; docs/protocol.md, "Descriptors", 3). Connections
 * inherit this from their listener. False: the kernel cannot (before Linux 6.16). */
bool unixsock_refuse_fds(int fd);
/* Removes the socket's file if it is still the one that was created. */
void unixsock_unlink(const struct address *address, dev_t device, ino_t inode);
/* True if the peer's uid is one of uids, or one of its groups is one of gids. */
bool unixsock_peer_allowed(int fd, const uint32_t *uids, unsigned uids_count, const uint32_t *gids,
                           unsigned gids_count);

#endif
