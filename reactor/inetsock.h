/* Bound sockets for tcp: and udp: addresses. */
#ifndef SLUICE_REACTOR_INETSOCK_H
#define SLUICE_REACTOR_INETSOCK_H

#include "proto/address.h"

/* A non-blocking socket of this type (SOCK_STREAM, SOCK_DGRAM), bound; * accepts IPv6 and IPv4 where the host has both.
 * Port 0 in *address is replaced by the assigned one. The fd; or -errno, with a sentence in why if a host name cannot
 * be looked up. Blocks while it looks up a host name. */
int inetsock_bind(struct address *address, int type, char *why, size_t why_size);

#endif
