#include "reactor/closing.h"

#include "reactor/loop.h"

#include <stdlib.h>
#include <unistd.h>

#define SLOW_AT_ONCE 64

struct closing {
    unsigned count;
    int fds[];
};

static void close_all(const int *fds, unsigned count) {
    for (unsigned i = 0; i < count; i++)
        close(fds[i]);
}

static void work(struct job *job) {
    const struct closing *closing = job->call.argument;
    close_all(closing->fds, closing->count);
}

static void done(struct job *job) {
    if (job->error) /* it never ran: the pool is stopping, or has no thread */
        work(job);
    free(job->call.argument);
}

void closing_start(struct loop *loop, const int *fds, unsigned count) {
    struct job *job = offload_job(loop->offload, JOB_CALL, JOB_POOL_FILES);
    struct closing *closing = job ? malloc(sizeof(*closing) + count * sizeof(int)) : NULL;
    if (!closing) {
        if (job)
            offload_release(loop->offload, job);
        close_all(fds, count);
        return;
    }
    closing->count = count;
    memcpy(closing->fds, fds, count * sizeof(int));
    job->call.run = work;
    job->call.argument = closing;
    job->done = done;
    offload_submit(loop->offload, job);
}

void closing_slow(struct loop *loop) {
    int fds[SLOW_AT_ONCE];
    unsigned count;
    while ((count = ledger_take_slow(&loop->ledger, fds, SLOW_AT_ONCE)))
        closing_start(loop, fds, count);
}
