#include "offload/slab.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

/* Two jobs never share a cache line: pool threads and the loop write neighbours at the same time. */
#define LINE   ((size_t)64)
#define STRIDE ((sizeof(struct job) + LINE - 1) / LINE * LINE)

int slab_init(struct slab *slab, size_t capacity) {
    *slab = (struct slab){.capacity = capacity, .bytes = (capacity ? capacity : 1) * STRIDE};
    void *memory =
        mmap(NULL, slab->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return -ENOMEM;
    slab->memory = memory;
    return 0;
}

void slab_free(struct slab *slab) {
    if (slab->memory)
        munmap(slab->memory, slab->bytes);
    slab->memory = NULL;
}

struct job *slab_take(struct slab *slab) {
    struct job *job = slab->free;
    if (job)
        slab->free = job->next;
    else if (slab->touched < slab->capacity)
        job = (struct job *)(void *)(slab->memory + slab->touched++ * STRIDE);
    else
        return NULL;
    slab->open++;
    /* The path is most of a job, and whoever opens a file overwrites it anyway. */
    memset(job, 0, offsetof(struct job, open.path));
    job->open.path[0] = '\0';
    return job;
}

void slab_give(struct slab *slab, struct job *job) {
    assert(slab->open > 0);
    slab->open--;
    job->next = slab->free;
    slab->free = job;
}
