/* The bytes of an open object as a body, whatever protocol asked for them.
 *
 *     COPY      what the kernel has cached: file -> buffer -> send at once, one warm buffer for all
 *               else: file -> (ring | pool) -> buffer -> send     the next chunk is read while the last is sent
 *     SPLICE    file -> (ring | pool) -> pipe -> splice               no pipe free: COPY
 *     SENDFILE  resident pages -> sendfile; what is not resident: COPY, chunk by chunk
 *
 * Buffers are bounded. When none is free, the transfer that has held unsent bytes for longest on a blocked connection
 * loses its buffer and reads the bytes again later: a slow client does not slow the others down. */
#ifndef SLUICE_HANDLERS_OBJECTS_TRANSFER_H
#define SLUICE_HANDLERS_OBJECTS_TRANSFER_H

#include "handlers/objects/objects.h"
#include "reactor/body.h"

enum transfer_mode { TRANSFER_COPY, TRANSFER_SPLICE, TRANSFER_SENDFILE };

/* A body of the object's range, for a reply to request; takes over the object. NULL without memory: the object is still
 * the caller's. */
struct body *transfer_new(struct objects *objects, struct request *request, enum transfer_mode mode,
                          const struct object *object);

/* Continues with another range of the same object, after the last one has ended (PIECE_END) and before end(). */
void transfer_again(struct body *body, uint64_t offset, uint64_t count);

#endif
