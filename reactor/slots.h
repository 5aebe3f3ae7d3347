/* A fixed number of equal slots, named by handles that outlive them (docs/design.md, contract 3).
 *
 *     handle = generation << 32 | index        slot: [ generation | next free ][ the caller's struct ]
 *
 * Giving a slot back increments its generation, so an old handle finds nothing. Memory is reserved at startup and
 * touched only as far as slots were ever in use. */
#ifndef SLUICE_REACTOR_SLOTS_H
#define SLUICE_REACTOR_SLOTS_H

#include <stddef.h>
#include <stdint.h>

struct slots {
    char *memory;
    size_t stride, bytes;
    uint32_t capacity, used, touched, free_head;
};

/* 0 or -ENOMEM. */
int slots_init(struct slots *slots, size_t size, uint32_t capacity);
/* Every slot must be free. */
void slots_free(struct slots *slots);
/* A zeroed slot, or NULL when all are in use. */
void *slots_take(struct slots *slots);
void slots_give(struct slots *slots, void *slot);
/* The handle of a slot in use; never 0. */
uint64_t slots_handle(const struct slots *slots, const void *slot);
/* The slot, or NULL if it was given back since. */
void *slots_find(const struct slots *slots, uint64_t handle);
/* The next slot in use after previous (NULL: the first); NULL at the end. previous may have been given back. */
void *slots_next(const struct slots *slots, const void *previous);

#endif
