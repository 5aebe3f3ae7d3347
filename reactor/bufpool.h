/* Buffers of one size, bounded in number, reused last in, first out (the warmest first). */
#ifndef SLUICE_REACTOR_BUFPOOL_H
#define SLUICE_REACTOR_BUFPOOL_H

#include <stddef.h>

struct bufpool {
    size_t size;    /* bytes of each buffer */
    unsigned limit; /* most buffers lent out at once */
    unsigned keep;  /* most free buffers kept for reuse */
    unsigned lent, kept;
    void *free_list;
};

/* size: at least that of a pointer. */
void bufpool_init(struct bufpool *pool, size_t size, unsigned limit, unsigned keep);
/* Frees the kept buffers; none may be lent. */
void bufpool_free(struct bufpool *pool);
/* A buffer with undefined content; NULL: the limit is reached or there is no memory. */
void *bufpool_take(struct bufpool *pool);
void bufpool_give(struct bufpool *pool, void *buffer);

#endif
