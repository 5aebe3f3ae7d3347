/* A fixed number of pipes for splice. An unprivileged user gets 64 MiB of pipe buffers over all processes, and beyond
 * that pipes of two pages (pipe(7)): hence their number is small, and each one's real size is asked for.
 *
 *     free: [pair pair pair]  --take()-->  file -> pair -> socket  --give(drained)--> free
 *                                                                  --give(not drained)--> closed, a new one
 */
#ifndef SLUICE_OFFLOAD_PIPES_H
#define SLUICE_OFFLOAD_PIPES_H

#include "offload/notice.h"

#include <stddef.h>

struct pipe_pair {
    int read_end, write_end; /* non-blocking; -1 between a failed replacement and the next try */
    size_t size;             /* bytes that fit from any offset of a file */
};

struct pipes {
    struct pipe_pair *pairs;
    struct pipe_pair **free; /* last in, first out; those without a pipe at the bottom */
    unsigned total, free_count;
    size_t chunk;
    const struct notice *notice;
};

/* Opens count pipes with room for chunk bytes each. Where the kernel grants less, size says so; fewer pipes, even none,
 * are not an error. 0 or -ENOMEM. notice must outlive the pipes. */
int pipes_init(struct pipes *pipes, unsigned count, size_t chunk, const struct notice *notice);
/* Closes all pipes, also those in use. */
void pipes_free(struct pipes *pipes);
/* An empty pipe, or NULL. */
struct pipe_pair *pipes_take(struct pipes *pipes);
/* drained false: there may be bytes in it, so it is closed and replaced. */
void pipes_give(struct pipes *pipes, struct pipe_pair *pair, bool drained);

#endif
