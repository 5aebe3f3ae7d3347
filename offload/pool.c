#include "offload/pool.h"

#include "offload/clock.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static void run_job(struct pool *pool, struct job *job) {
    job->where = JOB_POOL;
    if (atomic_load_explicit(&job->cancelled, memory_order_relaxed)) {
        job->error = -ECANCELED;
    } else {
        job->started_ns = clock_ns();
        pool->plan.run(job);
    }
    job->finished_ns = clock_ns();
    mailbox_push(pool->plan.mailbox, job);
}

/* Takes the oldest job, or returns NULL; the lock is held. One at a time: jobs that a thread took along with one that
 * hangs would hang with it, and taking four at once was measured to be no faster. */
static struct job *take(struct pool *pool) {
    struct job *job = joblist_pop(&pool->queue);
    if (job)
        pool->queued--;
    return job;
}

/* Decides under the lock whether an idle thread must be woken. */
static bool claim_wake(struct pool *pool) {
    if (!pool->queued || !pool->idle || pool->waking)
        return false;
    pool->waking = true;
    pool->wakes++;
    return true;
}

bool pool_run_one(struct pool *pool) {
    pthread_mutex_lock(&pool->lock);
    struct job *job = take(pool);
    pthread_mutex_unlock(&pool->lock);
    if (job)
        run_job(pool, job);
    return job != NULL;
}

static void wait_for_work(struct pool *pool) {
    while (!pool->queued && !pool->stopping) {
        pool->idle++;
        pthread_cond_wait(&pool->work, &pool->lock);
        pool->idle--;
        pool->waking = false;
    }
}

static void *pool_thread(void *argument) {
    struct pool *pool = argument;
    pthread_setname_np(pthread_self(), pool->plan.name);
    if (pool->plan.cpus) /* if all of them are gone meanwhile, anywhere is better than nowhere */
        sched_setaffinity(0, sizeof(pool->cpus), pool->plan.cpus);
    pthread_mutex_lock(&pool->lock);
    for (;;) {
        wait_for_work(pool);
        if (pool->stopping)
            break;
        struct job *job = take(pool);
        pool->busy++;
        bool wake = claim_wake(pool);
        pthread_mutex_unlock(&pool->lock);
        if (wake)
            pthread_cond_signal(&pool->work);
        run_job(pool, job);
        pthread_mutex_lock(&pool->lock);
        pool->busy--;
    }
    pool->alive--;
    pthread_cond_signal(&pool->gone);
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

/* Signals are for the loop; only those that a thread causes itself stay unblocked. */
static void block_signals(sigset_t *old) {
    sigset_t set;
    sigfillset(&set);
    sigdelset(&set, SIGSEGV);
    sigdelset(&set, SIGBUS);
    sigdelset(&set, SIGFPE);
    sigdelset(&set, SIGILL);
    pthread_sigmask(SIG_SETMASK, &set, old);
}

/* Starts `count` more threads; 0, or -errno of the first that could not be started. */
static int start_threads(struct pool *pool, unsigned count) {
    sigset_t old;
    int error = 0;
    if (count == 0)
        return 0;
    block_signals(&old);
    for (; !error && count > 0; count--) {
        pthread_mutex_lock(&pool->lock);
        error = -pthread_create(&pool->ids[pool->started], NULL, pool_thread, pool);
        if (!error) {
            pool->started++;
            pool->alive++;
        }
        pthread_mutex_unlock(&pool->lock);
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return error;
}

static void init_locks(struct pool *pool) {
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->work, NULL);
    pthread_cond_init(&pool->gone, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

int pool_start(struct pool *pool, const struct pool_plan *plan) {
    memset(pool, 0, sizeof(*pool));
    pool->plan = *plan;
    if (plan->cpus) {
        pool->cpus = *plan->cpus;
        pool->plan.cpus = &pool->cpus;
    }
    pool->ids = calloc(plan->threads ? plan->threads : 1, sizeof(*pool->ids));
    if (!pool->ids)
        return -ENOMEM;
    init_locks(pool);
    return 0;
}

/* Returns the whole queue without running it. */
static void drop_queue(struct pool *pool, int error) {
    pthread_mutex_lock(&pool->lock);
    struct joblist queue = pool->queue;
    pool->queue = (struct joblist){0};
    pool->queued = 0;
    pthread_mutex_unlock(&pool->lock);
    for (struct job *job; (job = joblist_pop(&queue));) {
        job->where = JOB_POOL;
        job->error = error;
        job->finished_ns = clock_ns();
        mailbox_push(pool->plan.mailbox, job);
    }
}

void pool_submit(struct pool *pool, struct joblist *jobs) {
    unsigned count = 0;
    for (struct job *job = jobs->head; job; job = job->next)
        count++;
    if (count == 0)
        return;
    pthread_mutex_lock(&pool->lock);
    joblist_append(&pool->queue, jobs);
    pool->queued += count;
    bool wake = claim_wake(pool);
    unsigned room = pool->plan.threads - pool->started;
    unsigned short_of = pool->queued > pool->idle ? pool->queued - pool->idle : 0;
    bool stopping = pool->stopping;
    pthread_mutex_unlock(&pool->lock);
    if (wake)
        pthread_cond_signal(&pool->work);
    if (stopping) {
        drop_queue(pool, -ECANCELED);
        return;
    }
    int error = start_threads(pool, short_of < room ? short_of : room);
    if (error && pool->started == 0)
        drop_queue(pool, error); /* with at least one thread, jobs only take longer */
}

bool pool_stop(struct pool *pool, int64_t deadline_ns) {
    struct timespec deadline = {.tv_sec = (time_t)(deadline_ns / NS_PER_S),
                                .tv_nsec = (long)(deadline_ns % NS_PER_S)};
    if (!pool->ids)
        return true;
    drop_queue(pool, -ECANCELED);
    pthread_mutex_lock(&pool->lock);
    pool->stopping = true;
    pthread_cond_broadcast(&pool->work);
    int error = 0;
    while (pool->alive && error != ETIMEDOUT)
        error = pthread_cond_timedwait(&pool->gone, &pool->lock, &deadline);
    bool stopped = pool->alive == 0;
    pthread_mutex_unlock(&pool->lock);
    if (!stopped)
        return false;
    for (unsigned i = 0; i < pool->started; i++)
        pthread_join(pool->ids[i], NULL);
    pthread_cond_destroy(&pool->gone);
    pthread_cond_destroy(&pool->work);
    pthread_mutex_destroy(&pool->lock);
    free(pool->ids);
    pool->ids = NULL;
    return true;
}

struct pool_gauges pool_gauges(struct pool *pool) {
    struct pool_gauges gauges = {0};
    if (!pool->ids)
        return gauges;
    pthread_mutex_lock(&pool->lock);
    gauges = (struct pool_gauges){
        .queued = pool->queued, .busy = pool->busy, .threads = pool->alive, .wakes = pool->wakes};
    pthread_mutex_unlock(&pool->lock);
    return gauges;
}
