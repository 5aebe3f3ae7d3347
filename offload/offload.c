#include "offload/offload.h"

#include "offload/clock.h"
#include "offload/state.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>

/* Work on the spot is counted in units of one or a few microseconds, and the clock is read once per CLOCK_UNITS. */
#define CLOCK_UNITS 16
#define UNIT_BYTES  ((size_t)32 << 10)

/* The count that jobs of the pool belong to: one for handlers, one for all others. */
static size_t *open_jobs(struct offload *offload, enum job_pool pool) {
    return &offload->open[pool == JOB_POOL_HANDLERS];
}

struct job *offload_job(struct offload *offload, enum job_kind kind, enum job_pool pool) {
    const struct job *reaped = offload->reaped;
    size_t *open = open_jobs(offload, pool);
    size_t most =
        (size_t)offload->settings.queue_depth + (reaped && open_jobs(offload, reaped->pool) == open);
    struct job *job = !offload->drained && *open < most ? slab_take(&offload->slab) : NULL;
    if (job) {
        ++*open;
        job->kind = kind;
        job->pool = pool;
        if (kind == JOB_OPEN)
            job->open.fd = -1;
    } else {
        offload->stats.jobs_refused++;
    }
    return job;
}

void offload_release(struct offload *offload, struct job *job) {
    if (job == offload->reaped)
        offload->reaped = NULL;
    --*open_jobs(offload, job->pool);
    slab_give(&offload->slab, job);
}

void offload_cancel(struct offload *offload, struct job *job) {
    (void)offload;
    atomic_store_explicit(&job->cancelled, true, memory_order_relaxed);
}

unsigned offload_threads(const struct offload *offload, enum job_pool pool) {
    return offload->pools[pool].plan.threads;
}

unsigned offload_open_jobs(const struct offload *offload) {
    return (unsigned)offload->slab.open;
}

void offload_turn(struct offload *offload) {
    offload->budget_from_ns = 0;
    offload->budget_units = offload->budget_ns > 0 ? CLOCK_UNITS : 0;
}

/* ---- the decision ------------------------------------------------------------------------------ */

static size_t job_bytes(const struct job *job) {
    return job->kind == JOB_READ ? job->read.want : job->kind == JOB_SPLICE ? job->splice.want : 0;
}

/* Takes a job's cost out of the turn's budget. False: the budget is spent. */
static bool afford(struct offload *offload, const struct job *job) {
    offload->budget_units -= 1 + (int64_t)(job_bytes(job) / UNIT_BYTES);
    if (offload->budget_units >= 0)
        return true;
    int64_t now = clock_ns();
    if (offload->budget_from_ns == 0)
        offload->budget_from_ns = now;
    if (now - offload->budget_from_ns >= offload->budget_ns)
        return false;
    offload->budget_units = CLOCK_UNITS;
    return true;
}

static bool done_on_the_spot(struct offload *offload, struct job *job) {
    if (offload->settings.offload == OFFLOAD_ALWAYS)
        return false;
    if (!afford(offload, job)) {
        offload->stats.spot_over_budget++;
        return false;
    }
    switch (files_spot(&offload->files, job)) {
    case SPOT_DONE:
        offload->stats.jobs_spot++;
        joblist_push(&offload->finished, job);
        return true;
    case SPOT_AGAIN:
        offload->stats.spot_again++;
        break;
    case SPOT_UNSUPPORTED:
        offload->stats.spot_unsupported++;
        break;
    case SPOT_ELSEWHERE:
        break;
    }
    job->error = 0;
    return false;
}

ssize_t offload_read_now(struct offload *offload, int fd, dev_t device, void *buffer, size_t want,
                         uint64_t offset) {
    struct job job; /* not zeroed: most of it is the path of an open */
    job.kind = JOB_READ;
    job.error = 0;
    job.read.fd = fd;
    job.read.device = device;
    job.read.buffer = buffer;
    job.read.want = want;
    job.read.offset = offset;
    job.read.got = 0;
    if (offload->settings.offload == OFFLOAD_ALWAYS || !afford(offload, &job))
        return -EAGAIN;
    enum spot spot = files_read_now(&offload->files, &job);
    if (spot != SPOT_DONE && job.read.got == 0)
        return -EAGAIN;
    offload->stats.jobs_spot++;
    return job.error ? job.error : (ssize_t)job.read.got;
}

void offload_refuse(struct offload *offload, struct job *job, int error) {
    job->error = error;
    job->started_ns = 0;
    offload->stats.jobs_dropped++;
    joblist_push(&offload->finished, job);
}

static void to_pool(struct offload *offload, struct job *job, enum job_pool pool) {
    if (offload->drained) {
        offload_refuse(offload, job, -ECANCELED);
        return;
    }
    joblist_push(&offload->waiting[pool], job);
    offload->held += pool == JOB_POOL_FILES;
}

static void to_files(struct offload *offload, struct job *job) {
    if (job->kind == JOB_OPEN) {
        job->open.remote = filesystems_remote(&offload->files.filesystems, job->open.root);
        job->open.filesystem = 0;
    }
    to_pool(offload, job, JOB_POOL_FILES);
}

static void to_ring(struct offload *offload, struct job *job) {
    if (job->kind == JOB_READ)
        job->read.remote = files_is_remote(&offload->files, job);
    ring_submit(&offload->ring, job);
}

void offload_submit(struct offload *offload, struct job *job) {
    bool file = job->kind != JOB_CALL;
    if (atomic_load_explicit(&job->cancelled, memory_order_relaxed)) {
        offload_refuse(offload, job, -ECANCELED);
        return;
    }
    if (file && job->kind != JOB_WRITE && done_on_the_spot(offload, job))
        return;
    job->submitted_ns = clock_ns();
    if (!file)
        to_pool(offload, job, job->pool);
    else if (job->kind != JOB_OPEN && ring_usable(&offload->ring))
        to_ring(offload, job);
    else
        to_files(offload, job);
}

/* ---- a turn ------------------------------------------------------------------------------------ */

static void count_arrived(struct offload *offload, struct joblist *arrived) {
    if (!arrived->head)
        return;
    int64_t now = clock_ns();
    for (struct job *job = arrived->head; job; job = job->next)
        offload_stats_job(&offload->stats, job, now);
    joblist_append(&offload->finished, arrived);
}

/* Takes what the ring gave back: finished jobs, and those that a thread has to do (the rest of). */
static void take_from_ring(struct offload *offload) {
    struct ring *ring = &offload->ring;
    count_arrived(offload, &ring->finished);
    for (struct job *job; (job = joblist_pop(&ring->unfit));)
        to_pool(offload, job, JOB_POOL_FILES);
    if (ring->broken && !offload->drained && !offload->ring_lost) {
        offload->ring_lost = true;
        offload->files.spot_max = SIZE_MAX;
        snprintf(offload->description, sizeof(offload->description),
                 "no io_uring any more: io_uring_enter: %s; the files pool reads", strerror(-ring->broken));
    }
}

bool offload_collect(struct offload *offload) {
    struct joblist arrived = {0};
    bool any = mailbox_take(&offload->mailbox, &arrived);
    count_arrived(offload, &arrived);
    if (offload->ring.driver) {
        any = ring_reap(&offload->ring) || any;
        take_from_ring(offload);
    }
    return any;
}

/* With offload_reap_on_eventfd_only(): collects everything that is there now. Then nothing is unreaped, so pools and
 * ring write the eventfd for whatever comes next. */
static void collect_once_seen(struct offload *offload) {
    struct ring *ring = offload->ring.driver ? &offload->ring : NULL;
    if (!offload->eventfd_seen)
        return;
    while (offload_collect(offload) || (ring && ring_ready(ring)))
        continue;
    offload->eventfd_seen = false;
}

struct job *offload_reap(struct offload *offload) {
    if (!offload->finished.head) {
        if (offload->eventfd_only)
            collect_once_seen(offload);
        else
            offload_collect(offload);
    }
    struct job *job = joblist_pop(&offload->finished);
    if (job)
        offload->reaped = job;
    if (job && job->kind == JOB_OPEN && job->where == JOB_POOL) {
        offload->opens--;
        if (!job->error)
            filesystems_learn(&offload->files.filesystems, job->open.root, job->open.st.st_dev,
                              job->open.filesystem);
    }
    return job;
}

/* Takes the oldest jobs for the files pool, up to an open that has to wait until others are reaped. */
static struct joblist take_for_files(struct offload *offload) {
    struct joblist *waiting = &offload->waiting[JOB_POOL_FILES], taken = {0};
    while (waiting->head && (waiting->head->kind != JOB_OPEN || offload->opens < OFFLOAD_OPENS)) {
        struct job *job = joblist_pop(waiting);
        offload->held--;
        offload->opens += job->kind == JOB_OPEN;
        joblist_push(&taken, job);
    }
    return taken;
}

void offload_flush(struct offload *offload) {
    if (offload->ring.driver) {
        ring_flush(&offload->ring);
        take_from_ring(offload);
    }
    struct joblist files = take_for_files(offload);
    pool_submit(&offload->pools[JOB_POOL_FILES], &files);
    pool_submit(&offload->pools[JOB_POOL_HANDLERS], &offload->waiting[JOB_POOL_HANDLERS]);
    pool_submit(&offload->pools[JOB_POOL_NAMES], &offload->waiting[JOB_POOL_NAMES]);
}

bool offload_sleep(struct offload *offload) {
    struct ring *ring = offload->ring.driver ? &offload->ring : NULL;
    offload_flush(offload);
    if (offload->finished.head || (ring && ring_stuck(ring)))
        return false;
    if (offload->eventfd_only)
        return !offload->eventfd_seen;
    if (!(ring && ring_ready(ring)) && mailbox_sleep(&offload->mailbox))
        return true;
    mailbox_wake(&offload->mailbox);
    return false;
}

void offload_wake(struct offload *offload) {
    if (!offload->eventfd_only)
        mailbox_wake(&offload->mailbox);
}

int offload_eventfd(const struct offload *offload) {
    return offload->eventfd;
}

void offload_drain_eventfd(struct offload *offload) {
    eventfd_t count;
    if (eventfd_read(offload->eventfd, &count) == 0)
        offload->eventfd_seen = true;
}

void offload_reap_on_eventfd_only(struct offload *offload) {
    offload->eventfd_only = true;
    mailbox_sleep(&offload->mailbox); /* for good: every job that finds the mailbox empty is announced */
    offload->eventfd_seen = true;     /* what is there already was not */
}

/* ---- what else the loop asks for --------------------------------------------------------------- */

bool offload_resident(struct offload *offload, int fd, dev_t device, uint64_t offset, size_t size) {
    return files_resident(&offload->files, fd, device, offset, size);
}

void offload_know_root(struct offload *offload, int root) {
    filesystems_root(&offload->files.filesystems, root);
}

int offload_look(struct offload *offload, int root, const char *path, struct stat *st) {
    return files_look(&offload->files, root, path, st);
}

struct pipe_pair *offload_pipe(struct offload *offload) {
    return pipes_take(&offload->pipes);
}

void offload_pipe_release(struct offload *offload, struct pipe_pair *pipe, bool drained) {
    pipes_give(&offload->pipes, pipe, drained);
}

struct offload_stats *offload_stats(struct offload *offload) {
    struct offload_stats *stats = &offload->stats;
    struct pool_gauges files = pool_gauges(&offload->pools[JOB_POOL_FILES]);
    struct pool_gauges handlers = pool_gauges(&offload->pools[JOB_POOL_HANDLERS]);
    struct pool_gauges names = pool_gauges(&offload->pools[JOB_POOL_NAMES]);
    stats->files_queued = files.queued + offload->held;
    stats->files_busy = files.busy;
    stats->files_threads = files.threads;
    stats->handlers_queued = handlers.queued;
    stats->handlers_busy = handlers.busy;
    stats->handlers_threads = handlers.threads;
    stats->pool_wakes = files.wakes + handlers.wakes + names.wakes;
    stats->mailbox_wakes = atomic_load_explicit(&offload->mailbox.wakes, memory_order_relaxed);
    stats->ring_in_flight = offload->ring.in_flight;
    stats->ring_short = offload->ring.counts.resumed;
    stats->ring_overflow = offload->ring.counts.overflows;
    stats->ring_full = offload->ring.counts.full;
    stats->jobs_open = offload->slab.open;
    stats->pipes_free = offload->pipes.free_count;
    stats->pipes = offload->pipes.total;
    return stats;
}

struct counters_table offload_counters(struct offload *offload) {
    return offload_stats_table(&offload->stats);
}

const char *offload_describe(const struct offload *offload) {
    return offload->description;
}
