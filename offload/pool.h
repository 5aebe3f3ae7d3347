/* A bounded set of threads that run jobs which may sleep. Instances share nothing: none starves another.
 *
 *     loop: pool_submit(list) -> [ queue, first in first out ] -> thread -> run(job) -> mailbox -> loop
 *                                                                |-> thread
 *
 * A list takes the lock once and wakes one thread, if one is idle, which wakes the next if it leaves work.
 * A job that was cancelled before its start comes back with -ECANCELED and is not run. */
#ifndef SLUICE_OFFLOAD_POOL_H
#define SLUICE_OFFLOAD_POOL_H

#include "offload/mailbox.h"

#include <pthread.h>
#include <sched.h>

struct pool_plan {
    const char *name;             /* of the threads; at most 15 bytes */
    unsigned threads;             /* at most, started when needed; 0: see pool_run_one() */
    const cpu_set_t *cpus;        /* where they may run; NULL: where who submits may */
    void (*run)(struct job *job); /* does the work of a job and sets its error */
    struct mailbox *mailbox;      /* takes finished jobs */
};

struct pool {
    struct pool_plan plan;
    pthread_t *ids;
    cpu_set_t cpus;
    pthread_mutex_t lock;
    pthread_cond_t work, gone;
    struct joblist queue;
    unsigned queued, idle, busy, started, alive;
    bool waking; /* a thread was woken and has not looked at the queue yet */
    bool stopping;
    uint64_t wakes; /* of idle threads */
};

struct pool_gauges {
    unsigned queued, busy, threads;
    uint64_t wakes;
};

/* plan is copied. 0, or -errno, and then there is nothing to stop. */
int pool_start(struct pool *pool, const struct pool_plan *plan);
/* Loop: takes over all jobs of the list; each comes back through the mailbox. */
void pool_submit(struct pool *pool, struct joblist *jobs);
/* Runs the oldest job on the caller's thread. False: the queue is empty. */
bool pool_run_one(struct pool *pool);
/* Cancels what has not started and waits for what is running until deadline_ns (CLOCK_MONOTONIC).
 * False: a thread is still at work; pool and mailbox must stay valid, and this may be called again. */
bool pool_stop(struct pool *pool, int64_t deadline_ns);
struct pool_gauges pool_gauges(struct pool *pool);

#endif
