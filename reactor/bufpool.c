#include "reactor/bufpool.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void bufpool_init(struct bufpool *pool, size_t size, unsigned limit, unsigned keep) {
    assert(size >= sizeof(void *));
    *pool = (struct bufpool){.size = size, .limit = limit, .keep = keep};
}

void bufpool_free(struct bufpool *pool) {
    assert(pool->lent == 0);
    while (pool->free_list) {
        void *buffer = pool->free_list;
        memcpy(&pool->free_list, buffer, sizeof(void *));
        free(buffer);
    }
    pool->kept = 0;
}

void *bufpool_take(struct bufpool *pool) {
    void *buffer = pool->free_list;
    if (pool->lent >= pool->limit)
        return NULL;
    if (buffer) {
        memcpy(&pool->free_list, buffer, sizeof(void *));
        pool->kept--;
    } else if (!(buffer = malloc(pool->size))) {
        return NULL;
    }
    pool->lent++;
    return buffer;
}

void bufpool_give(struct bufpool *pool, void *buffer) {
    assert(pool->lent > 0);
    pool->lent--;
    if (pool->kept >= pool->keep) {
        free(buffer);
        return;
    }
    memcpy(buffer, &pool->free_list, sizeof(void *));
    pool->free_list = buffer;
    pool->kept++;
}
