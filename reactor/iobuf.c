#include "reactor/iobuf.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define REST_MAX 2048u /* a longer rest stays in its pooled buffer */

/* Bytes that a pooled buffer holds. */
static size_t pooled_size(const struct bufpool *pool) {
    return pool->size - sizeof(struct iobuf);
}

static void check(const struct iobuf *buf) {
    assert(buf->done <= buf->parsed && buf->parsed <= buf->received && buf->received <= buf->size);
}

static struct iobuf *take_pooled(struct bufpool *pool) {
    struct iobuf *buf = bufpool_take(pool);
    if (buf)
        *buf = (struct iobuf){.size = (uint32_t)pooled_size(pool), .pooled = 1};
    return buf;
}

static struct iobuf *take_own(size_t size) {
    struct iobuf *buf = malloc(sizeof(*buf) + size);
    if (buf)
        *buf = (struct iobuf){.size = (uint32_t)size};
    return buf;
}

/* Moves the bytes that are not done yet into another buffer and gives the old one back. */
static void move_to(struct bufpool *pool, struct iobuf **from, struct iobuf *to) {
    struct iobuf *old = *from;
    uint32_t n = old->received - old->done;
    memcpy(to->data, old->data + old->done, n);
    to->parsed = old->parsed - old->done;
    to->received = n;
    iobuf_drop(pool, from);
    *from = to;
}

static void slide(struct iobuf *buf) {
    uint32_t n = buf->received - buf->done;
    memmove(buf->data, buf->data + buf->done, n);
    buf->parsed -= buf->done;
    buf->received = n;
    buf->done = 0;
}

int iobuf_reserve(struct bufpool *pool, struct iobuf **buf, size_t total) {
    if (!*buf) {
        *buf = total <= pooled_size(pool) ? take_pooled(pool) : take_own(total);
        return *buf ? 0 : -ENOBUFS;
    }
    check(*buf);
    size_t pending = (*buf)->received - (*buf)->parsed;
    size_t need = total > pending ? total : pending + 1;
    if ((*buf)->size - (*buf)->parsed >= need)
        return 0;
    size_t kept = (*buf)->parsed - (*buf)->done; /* parsed but still in use stays valid only without a move */
    if (kept + need <= (*buf)->size) {
        slide(*buf);
        return 0;
    }
    struct iobuf *larger = kept + need <= pooled_size(pool) ? take_pooled(pool) : take_own(kept + need);
    if (!larger)
        return kept + need <= pooled_size(pool) ? -ENOBUFS : -ENOMEM;
    move_to(pool, buf, larger);
    return 0;
}

void iobuf_parsed(struct iobuf *buf, size_t n) {
    buf->parsed += (uint32_t)n;
    check(buf);
}

void iobuf_settle(struct bufpool *pool, struct iobuf **buf) {
    struct iobuf *b = *buf;
    if (!b)
        return;
    b->done = b->parsed;
    uint32_t rest = b->received - b->done;
    if (rest == 0) {
        iobuf_drop(pool, buf);
    } else if (rest <= REST_MAX && (b->pooled || b->size > pooled_size(pool))) {
        struct iobuf *small = take_own(rest);
        if (small)
            move_to(pool, buf, small);
    }
}

void iobuf_drop(struct bufpool *pool, struct iobuf **buf) {
    if (*buf && (*buf)->pooled)
        bufpool_give(pool, *buf);
    else
        free(*buf);
    *buf = NULL;
}
