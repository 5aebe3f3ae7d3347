/* Input buffer with three positions (docs/design.md, contract 2).
 *
 *     data: [ done ............ parsed ............ received ........ size ]
 *           | consumed | whole messages, in hand | bytes of the next one | room
 *
 * A connection borrows one from the loop's pool while bytes are pending; an idle one has none. An incomplete message
 * left at the end of a read moves to a small buffer of its own, so that thousands of slow senders hold little
 * memory. */
#ifndef SLUICE_REACTOR_IOBUF_H
#define SLUICE_REACTOR_IOBUF_H

#include "proto/span.h"
#include "reactor/bufpool.h"

#include <stdint.h>

#define IOBUF_USUAL (17u * 1024) /* bytes of a pooled buffer, its head included */

struct iobuf {
    uint32_t done, parsed, received, size;
    uint32_t pooled; /* 1: belongs to the pool, 0: malloc'ed for leftovers or a long message */
    char data[];
};

/* Bytes received and not yet parsed. */
static inline struct span iobuf_pending(const struct iobuf *buf) {
    return span_of(buf->data + buf->parsed, buf->received - buf->parsed);
}

/* Makes sure that *buf has room to receive at least 1 byte, and holds `total` bytes from the parsed position on (0: any
 * number). Borrows, slides or grows as needed. 0; -ENOBUFS when the pool is exhausted; -ENOMEM. */
int iobuf_reserve(struct bufpool *pool, struct iobuf **buf, size_t total);
/* Marks n pending bytes as parsed. */
void iobuf_parsed(struct iobuf *buf, size_t n);
/* Releases everything parsed; gives the buffer back when nothing is left (*buf becomes NULL), and moves a short rest
 * out of a pooled buffer. */
void iobuf_settle(struct bufpool *pool, struct iobuf **buf);
/* Gives the buffer back with whatever is in it. */
void iobuf_drop(struct bufpool *pool, struct iobuf **buf);

#endif
