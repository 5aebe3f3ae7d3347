/* The 16-byte header that SLC1 and MCP1 share (docs/protocol.md, "Frame").
 *
 *     0        4    5       6        7      8     12       16
 *     | magic  | op | flags | status | nfds | tag | length | payload ... (length bytes) | body ...
 */
#ifndef SLUICE_PROTO_FRAME_H
#define SLUICE_PROTO_FRAME_H

#include "proto/verdict.h"

#include <stdint.h>

#define FRAME_HEADER       16
#define FRAME_SLC1_REQUEST 4096u      /* longest SLC1 request payload */
#define FRAME_MCP1_REQUEST (1u << 20) /* longest MCP1 request payload */

enum frame_magic { FRAME_SLC1, FRAME_MCP1 };

struct frame {
    uint8_t op, flags, status, nfds;
    uint32_t tag, length;
};

/* Decodes the header at the start of n bytes and checks whether the payload has arrived too.
 * FRAME: *out is filled in, verdict.n is header + payload. MORE: *out is filled in if n >= 16, verdict.n is the total
 * needed. BAD with BAD_REQUEST: wrong magic (known as soon as a byte differs; *out untouched). BAD with TOO_LARGE:
 * length over limit (*out is filled in, so that the error reply can echo op and tag). */
struct verdict frame_decode(const void *bytes, size_t n, enum frame_magic magic, uint32_t limit,
                            struct frame *out);
/* Writes the 16 bytes of a header to out. */
void frame_encode(void *out, enum frame_magic magic, const struct frame *frame);

#endif
