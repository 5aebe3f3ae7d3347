/* The bytes of an open object as a body, whatever protocol asked for them.
 *
 *     COPY      file -> (spot | ring | pool) -> buffer -> send        the next chunk is read while the last is sent
 *     SPLICE    file -> (ring | pool) -> pipe -> splice               no pipe free: COPY
 *     SENDFILE  resident pages -> sendfile; what is not resident: COPY, chunk by chunk
 *
 * Buffers are bounded. When none is free, the transfer that has held unsent bytes for longest on a blocked
 * connection loses its own and reads them again later: a slow client costs the others nothing. */
#ifndef SLUICE_HANDLERS_OBJECTS_TRANSFER_H
#define SLUICE_HANDLERS_OBJECTS_TRANSFER_H

#include "handlers/objects/objects.h"
#include "reactor/body.h"

enum transfer_mode { TRANSFER_COPY, TRANSFER_SPLICE, TRANSFER_SENDFILE };

/* A body of count bytes from offset of fd, for a reply to request. fd is in the ledger; the transfer holds it
 * from now on. NULL without memory: the caller still has the fd. */
struct body *transfer_new(struct objects *objects, struct request *request, enum transfer_mode mode, int fd,
                          uint64_t offset, uint64_t count);

#endif
