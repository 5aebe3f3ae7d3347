/* Memory for the texts of one request: first a small room inside the struct, then blocks; all freed at once. */
#ifndef SLUICE_HANDLERS_HTTP_ARENA_H
#define SLUICE_HANDLERS_HTTP_ARENA_H

#include <stddef.h>

#define ARENA_ROOM 512

struct arena_block;

struct arena {
    struct arena_block *blocks; /* the newest first */
    size_t used;                /* of room */
    _Alignas(max_align_t) char room[ARENA_ROOM];
};

static inline void arena_init(struct arena *arena) {
    arena->blocks = NULL;
    arena->used = 0;
}

/* Memory aligned for anything, or NULL. */
void *arena_take(struct arena *arena, size_t size);
/* Gives back the end of the allocation taken last: of its size bytes, only the first `used` are needed. */
void arena_shrink(struct arena *arena, const void *taken, size_t size, size_t used);
void arena_free(struct arena *arena);

#endif
