#include "handlers/ingest/chore.h"

#include "handlers/ingest/segment.h"
#include "reactor/loop.h"

#include <errno.h>
#include <stdlib.h>

static bool hand_on(struct loop *loop, const struct chore *chore, void (*run)(struct job *job),
                    void (*done)(struct job *job)) {
    struct job *job = offload_job(loop->offload, JOB_CALL, JOB_POOL_FILES);
    struct chore *copy = job ? malloc(sizeof(*copy)) : NULL;
    if (!copy) {
        if (job)
            offload_release(loop->offload, job);
        return false;
    }
    *copy = *chore;
    job->call.run = run;
    job->call.argument = copy;
    job->done = done;
    offload_submit(loop->offload, job);
    return true;
}

/* Under a cap the new segment's size counts before it exists. */
static int make_room(struct chore *chore) {
    uint64_t most = chore->most_bytes > chore->size ? chore->most_bytes - chore->size : 1;
    int error =
        retention_apply(chore->directory, chore->removable_below, most, chore->oldest_ms, &chore->removed);
    return error ? error : chore->removed.bytes > most ? -EAGAIN : 0;
}

static void run_create(struct job *job) {
    struct chore *chore = job->call.argument;
    job->error = chore->most_bytes > 0 ? make_room(chore) : 0;
    if (job->error)
        return;
    chore->fd = segment_create(chore->directory, chore->number, chore->size);
    job->error = chore->fd < 0 ? chore->fd : 0;
}

static void run_end(struct job *job) {
    struct chore *chore = job->call.argument;
    job->error = segment_end(chore->fd, chore->size);
}

static void run_clear(struct job *job) {
    struct chore *chore = job->call.argument;
    job->error = retention_apply(chore->directory, chore->removable_below, chore->most_bytes,
                                 chore->oldest_ms, &chore->removed);
}

bool chore_create(struct loop *loop, const struct chore *chore, void (*done)(struct job *job)) {
    return hand_on(loop, chore, run_create, done);
}

bool chore_end(struct loop *loop, const struct chore *chore, void (*done)(struct job *job)) {
    return hand_on(loop, chore, run_end, done);
}

bool chore_clear(struct loop *loop, const struct chore *chore, void (*done)(struct job *job)) {
    return hand_on(loop, chore, run_clear, done);
}
