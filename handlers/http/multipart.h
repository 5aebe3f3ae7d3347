/* Several ranges of an object as one body, multipart/byteranges (RFC 9110, 14.6).
 *
 *     --B  Content-Type, Content-Range  bytes  --B  ...  bytes  --B--
 *     text, then a range of the one transfer, then the next text ...
 *
 * The boundary is random, so that no object's content can be taken for it (RFC 2046, 5.1.1). */
#ifndef SLUICE_HANDLERS_HTTP_MULTIPART_H
#define SLUICE_HANDLERS_HTTP_MULTIPART_H

#include "proto/range.h"
#include "reactor/body.h"

#define MULTIPART_RANGES 16u
#define MULTIPART_TYPE   64 /* room for the content type */

/* A body of n ranges (at most MULTIPART_RANGES, copied) of an object of size bytes. *length becomes the length of the
 * body. NULL without memory. */
struct body *multipart_new(const struct range *ranges, unsigned n, uint64_t size, const char *type,
                           uint64_t *length);
/* Writes the content type of such a body, with its boundary, and a NUL. */
void multipart_type(const struct body *parts, char out[static MULTIPART_TYPE]);
/* Gives the body its transfer, whose own range is the first one, before the first piece is asked for; taken over.
 * Without a transfer, end() only frees the body. */
void multipart_read(struct body *parts, struct body *transfer);

#endif
