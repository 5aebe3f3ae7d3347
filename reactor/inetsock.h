/* Sockets for tcp: and udp: addresses: what the two have in common before they are bound. */
#ifndef SLUICE_REACTOR_INETSOCK_H
#define SLUICE_REACTOR_INETSOCK_H

#include "proto/address.h"

/* A socket of this type (SOCK_STREAM, SOCK_DGRAM), non-blocking, and the name to bind it to; * takes IPv6 and IPv4, where
 * the host has both. The fd, or -errno, with a sentence in why if it is the host's name that cannot be looked up. Blocks
 * for a host's name. */
int inetsock_open(const struct address *address, int type, struct sockaddr_storage *name, socklen_t *size,
                  char *why, size_t why_size);

#endif
