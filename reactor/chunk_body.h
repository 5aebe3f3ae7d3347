/* A body in the chunked transfer coding (RFC 9112, 7.1), around one of unknown length. */
#ifndef SLUICE_REACTOR_CHUNK_BODY_H
#define SLUICE_REACTOR_CHUNK_BODY_H

#include "reactor/body.h"

/* Each piece of inner becomes a chunk. Takes over inner, unless it returns NULL (no memory). */
struct body *chunk_body_new(struct body *inner);

#endif
