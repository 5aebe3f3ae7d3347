#include "offload/pipes.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

/* A smaller pipe is not worth its system calls. */
#define PIPE_LEAST ((size_t)64 << 10)

/* Opens a pipe with room for chunk bytes. A pipe holds pages, not bytes: a range that starts within a page needs one
 * more page than its length suggests. 0 or -errno; -ENOSPC: the kernel grants too little room. */
static int pair_open(struct pipes *pipes, struct pipe_pair *pair) {
    int ends[2];
    if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0)
        return -errno;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    /* Over the limit of pipe-max-size it fails and changes nothing. */
    for (size_t ask = pipes->chunk + page; ask > page; ask /= 2)
        if (fcntl(ends[1], F_SETPIPE_SZ, (int)ask) >= 0)
            break;
    int room = fcntl(ends[1], F_GETPIPE_SZ);
    if (room < (int)(PIPE_LEAST < pipes->chunk ? PIPE_LEAST : pipes->chunk)) {
        close(ends[0]);
        close(ends[1]);
        return -ENOSPC;
    }
    size_t fits = (size_t)room - page;
    *pair = (struct pipe_pair){ends[0], ends[1], fits < pipes->chunk ? fits : pipes->chunk};
    notice_opened(pipes->notice, pair->read_end, "pipe");
    notice_opened(pipes->notice, pair->write_end, "pipe");
    return 0;
}

static void pair_close(struct pipes *pipes, struct pipe_pair *pair) {
    if (pair->read_end < 0)
        return;
    notice_closing(pipes->notice, pair->read_end, "pipe");
    close(pair->read_end);
    notice_closing(pipes->notice, pair->write_end, "pipe");
    close(pair->write_end);
    pair->read_end = pair->write_end = -1;
}

int pipes_init(struct pipes *pipes, unsigned count, size_t chunk, const struct notice *notice) {
    *pipes = (struct pipes){.chunk = chunk, .notice = notice};
    pipes->pairs = calloc(count ? count : 1, sizeof(*pipes->pairs));
    pipes->free = calloc(count ? count : 1, sizeof(struct pipe_pair *));
    if (!pipes->pairs || !pipes->free) {
        pipes_free(pipes);
        return -ENOMEM;
    }
    while (pipes->total < count && pair_open(pipes, &pipes->pairs[pipes->total]) == 0) {
        pipes->free[pipes->free_count++] = &pipes->pairs[pipes->total];
        pipes->total++;
    }
    return 0;
}

void pipes_free(struct pipes *pipes) {
    for (unsigned i = 0; i < pipes->total; i++)
        pair_close(pipes, &pipes->pairs[i]);
    free(pipes->pairs);
    free(pipes->free);
    *pipes = (struct pipes){0};
}

struct pipe_pair *pipes_take(struct pipes *pipes) {
    if (pipes->free_count == 0)
        return NULL;
    struct pipe_pair *pair = pipes->free[pipes->free_count - 1];
    if (pair->read_end < 0 && pair_open(pipes, pair) != 0)
        return NULL;
    pipes->free_count--;
    return pair;
}

void pipes_give(struct pipes *pipes, struct pipe_pair *pair, bool drained) {
    assert(pipes->free_count < pipes->total);
    if (!drained) {
        pair_close(pipes, pair);
        if (pair_open(pipes, pair) != 0) {
            /* No descriptor for now: put it at the bottom, where it is tried again when all others are in use. */
            for (unsigned i = pipes->free_count++; i > 0; i--)
                pipes->free[i] = pipes->free[i - 1];
            pipes->free[0] = pair;
            return;
        }
    }
    pipes->free[pipes->free_count++] = pair;
}
