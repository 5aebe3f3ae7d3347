#include "handlers/ingest/segment_op.h"

#include "handlers/ingest/segment.h"
#include "reactor/loop.h"

#include <errno.h>
#include <stdlib.h>

static bool hand_on(struct loop *loop, const struct segment_op *op, void (*run)(struct job *job),
                    void (*done)(struct job *job)) {
    struct job *job = offload_job(loop->offload, JOB_CALL, JOB_POOL_FILES);
    struct segment_op *copy = job ? malloc(sizeof(*copy)) : NULL;
    if (!copy) {
        if (job)
            offload_release(loop->offload, job);
        return false;
    }
    *copy = *op;
    job->call.run = run;
    job->call.argument = copy;
    job->done = done;
    offload_submit(loop->offload, job);
    return true;
}

/* Removes old segments; under a cap the new segment's size counts before it exists. */
static int make_room(struct segment_op *op) {
    uint64_t most = op->most_bytes > op->size ? op->most_bytes - op->size : 1;
    int error = retention_apply(op->directory, op->removable_below, most, op->oldest_ms, &op->removed);
    return error ? error : op->removed.bytes > most ? -EAGAIN : 0;
}

static void run_create(struct job *job) {
    struct segment_op *op = job->call.argument;
    job->error = op->most_bytes > 0 ? make_room(op) : 0;
    if (job->error)
        return;
    op->fd = segment_create(op->directory, op->number, op->size);
    job->error = op->fd < 0 ? op->fd : 0;
}

static void run_end(struct job *job) {
    struct segment_op *op = job->call.argument;
    job->error = segment_end(op->fd, op->size);
}

static void run_clear(struct job *job) {
    struct segment_op *op = job->call.argument;
    job->error =
        retention_apply(op->directory, op->removable_below, op->most_bytes, op->oldest_ms, &op->removed);
}

bool segment_op_create(struct loop *loop, const struct segment_op *op, void (*done)(struct job *job)) {
    return hand_on(loop, op, run_create, done);
}

bool segment_op_end(struct loop *loop, const struct segment_op *op, void (*done)(struct job *job)) {
    return hand_on(loop, op, run_end, done);
}

bool segment_op_clear(struct loop *loop, const struct segment_op *op, void (*done)(struct job *job)) {
    return hand_on(loop, op, run_clear, done);
}
