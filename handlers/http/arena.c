#include "handlers/http/arena.h"

#include <stdint.h>
#include <stdlib.h>

struct arena_block {
    struct arena_block *next;
    _Alignas(max_align_t) char bytes[];
};

static size_t aligned(size_t size) {
    const size_t unit = _Alignof(max_align_t);
    return (size + unit - 1) / unit * unit;
}

void *arena_take(struct arena *arena, size_t size) {
    if (size <= ARENA_ROOM - arena->used) {
        void *taken = arena->room + arena->used;
        arena->used += aligned(size);
        return taken;
    }
    if (size > SIZE_MAX - sizeof(struct arena_block))
        return NULL;
    struct arena_block *block = malloc(sizeof(*block) + size);
    if (!block)
        return NULL;
    block->next = arena->blocks;
    arena->blocks = block;
    return block->bytes;
}

void arena_shrink(struct arena *arena, const void *taken, size_t size, size_t used) {
    const char *bytes = taken;
    if (bytes + aligned(size) == arena->room + arena->used)
        arena->used -= aligned(size) - aligned(used);
}

void arena_free(struct arena *arena) {
    struct arena_block *block;
    while ((block = arena->blocks)) {
        arena->blocks = block->next;
        free(block);
    }
}
