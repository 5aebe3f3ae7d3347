/* The chunked transfer coding (RFC 9112, 7.1): bytes in, spans of data out, nothing copied, any cut allowed.
 *
 *     in:   5;ext=1 CRLF | h e l l o | CRLF | 0 CRLF | Trailer: x CRLF | CRLF | next message
 *     data:                h e l l o                                    END: in is here
 */
#ifndef SLUICE_PROTO_CHUNKED_H
#define SLUICE_PROTO_CHUNKED_H

#include "proto/span.h"

#include <stdint.h>

#define CHUNKED_EXTENSIONS_MAX 4096u /* bytes of all extensions of a message; they are skipped */
#define CHUNKED_TRAILERS_MAX   8192u /* bytes of the trailer section; it is skipped */
#define CHUNKED_HEAD_MAX       18u   /* 16 digits and CRLF */
#define CHUNKED_LAST           "0\r\n\r\n"

enum chunked_event {
    CHUNKED_MORE, /* all of in is consumed */
    CHUNKED_DATA, /* *data is some of the body, at least one byte */
    CHUNKED_END,  /* the body is over, in is what follows it */
    CHUNKED_BAD,  /* http_status and reason say why; the connection cannot go on */
};

/* All 0 before the first byte of a body. */
struct chunked {
    uint64_t left;        /* bytes of the current chunk still to come: chunked_left() */
    uint32_t extensions;  /* bytes seen of them */
    uint32_t trailers;    /* bytes seen of them */
    uint8_t state;        /* chunked.c's */
    uint8_t digits;       /* of the current size */
    uint16_t http_status; /* BAD: 400, or 431 for trailers over the limit */
    const char *reason;   /* BAD: a constant string */
};

/* Decodes up to the next event and moves *in past what it consumed. *data points into the bytes of *in. Must not be
 * called again after END or BAD. */
enum chunked_event chunked_decode(struct chunked *chunked, struct span *in, struct span *data);

/* Bytes of the current chunk still to come; 0 before the line with its size is whole. */
static inline uint64_t chunked_left(const struct chunked *chunked) {
    return chunked->digits > 0 ? 0 : chunked->left;
}

/* Writes what precedes a chunk of size (> 0) bytes; the caller sends CRLF after the chunk and CHUNKED_LAST at the end
 * of the body. Returns the number of bytes written. */
size_t chunked_head(char out[CHUNKED_HEAD_MAX], uint64_t size);

#endif
