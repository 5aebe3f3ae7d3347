/* A body whose bytes are all in memory. */
#ifndef SLUICE_REACTOR_MEMORY_BODY_H
#define SLUICE_REACTOR_MEMORY_BODY_H

#include "reactor/body.h"

struct request;

/* Counted in the loop's memory_bytes and the connection's as long as it lives: from bytes_connection on, no further
 * request of the connection is taken. The bytes (malloc'ed) are the body's from now on. NULL without
 * memory, or when clients leave more than bytes_total of such bodies unread: the bytes still are the caller's. */
struct body *memory_body_new(struct request *request, void *bytes, size_t n);

#endif
