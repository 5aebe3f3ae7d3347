/* Bound sockets for tcp: and udp: addresses. */
#ifndef SLUICE_REACTOR_INETSOCK_H
#define SLUICE_REACTOR_INETSOCK_H

#include "proto/address.h"

/* A non-blocking socket of this type (SOCK_STREAM, SOCK_DGRAM), bound; * takes IPv6 and IPv4, where the host has both.
 * Port 0 is replaced by the one that was given. The fd, or -errno, with a sentence in why if it is the host's name
 * that cannot be looked up. Blocks for a host's name. */
int inetsock_bind(struct address *address, int type, char *why, size_t why_size);

#endif
