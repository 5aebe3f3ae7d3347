/* A body in the chunked transfer coding (RFC 9112, 7.1), around one whose length nobody knows. */
#ifndef SLUICE_REACTOR_CHUNK_BODY_H
#define SLUICE_REACTOR_CHUNK_BODY_H

#include "reactor/body.h"

/* Each piece of inner becomes a chunk. inner is owned from now on. NULL without memory: it is not. */
struct body *chunk_body_new(struct body *inner);

#endif
