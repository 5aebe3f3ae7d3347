/* A body whose bytes are all in memory. */
#ifndef SLUICE_REACTOR_MEMORY_BODY_H
#define SLUICE_REACTOR_MEMORY_BODY_H

#include "reactor/body.h"

struct request;

/* Takes over bytes (malloc'ed). They count in the loop's memory_bytes and the connection's while the body lives: once a
 * connection has bytes_connection of them, no further request of it is taken. NULL without memory, or when clients
 * leave more than bytes_total of such bodies unread; the bytes are still the caller's then. */
struct body *memory_body_new(struct request *request, void *bytes, size_t n);

#endif
