/* The memory of all jobs: room for a fixed number, reserved at startup, touched only as far as it was ever in use.
 *
 *     jobs:  [ used | free | used | free | never touched ... ]
 *                       ^------------' free: last in, first out, so that a warm job is used again
 */
#ifndef SLUICE_OFFLOAD_SLAB_H
#define SLUICE_OFFLOAD_SLAB_H

#include "offload/job.h"

#include <stddef.h>

struct slab {
    char *memory;
    size_t bytes;
    size_t capacity, touched, open;
    struct job *free;
};

/* Room for capacity jobs. 0 or -ENOMEM. */
int slab_init(struct slab *slab, size_t capacity);
/* Gives the memory back, with whatever is still in it. */
void slab_free(struct slab *slab);
/* A job, zeroed except for open.path (which is ""), or NULL when all are in use. */
struct job *slab_take(struct slab *slab);
void slab_give(struct slab *slab, struct job *job);

#endif
