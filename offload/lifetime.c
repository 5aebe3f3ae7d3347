/* Starting and stopping offload's parts.
 *
 *     start: memory -> eventfd -> pipes -> threads -> ring (on the loop's thread)
 *     drain: ring, then pools: jobs that wait are cancelled, those that run are waited for
 *     stop:  drain, then close and free everything, except what a thread that still runs may use */
#include "offload/state.h"

#include "offload/clock.h"
#include "offload/cpus.h"
#include "offload/ring_kernel.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

static int start_pool(struct offload *offload, enum job_pool which, const char *name, long threads,
                      const cpu_set_t *cpus) {
    const struct pool_plan plan = {.name = name,
                                   .threads = (unsigned)threads,
                                   .cpus = cpus,
                                   .run = files_run,
                                   .mailbox = &offload->mailbox};
    return pool_start(&offload->pools[which], &plan);
}

/* Threads are started when they are needed, because in a single-threaded process each system call on a descriptor is
 * cheaper. The loop, which starts them, may have been moved to CPUs of its own by then: so their CPUs are chosen
 * now. */
static int start_pools(struct offload *offload, const char *cpu_list, char *why, size_t why_size) {
    const struct offload_settings *settings = &offload->settings;
    cpu_set_t set;
    int error = cpus_choose(cpu_list, &set);
    if (error) {
        snprintf(why, why_size, "pool_cpus: \"%s\": no list like 0,2-3 of CPUs that this process may use",
                 cpu_list);
        return error;
    }
    error = start_pool(offload, JOB_POOL_FILES, "files", settings->pool, &set);
    if (!error)
        error = start_pool(offload, JOB_POOL_HANDLERS, "handlers", settings->handler_threads, &set);
    if (!error)
        error = start_pool(offload, JOB_POOL_NAMES, "names", 1, &set);
    if (error)
        snprintf(why, why_size, "cannot set up the pools: %s", strerror(-error));
    return error;
}

/* Having no ring is an error only if one is required: everything works without. */
static int start_ring(struct offload *offload, char *cause, size_t cause_size) {
    const struct offload_settings *settings = &offload->settings;
    const struct ring_plan plan = {.entries = (unsigned)settings->uring_entries,
                                   .workers = (unsigned)settings->uring_workers,
                                   .eventfd = offload->eventfd};
    struct ring_driver *driver;
    snprintf(cause, cause_size, "uring is off");
    if (settings->uring == URING_OFF)
        return 0;
    int error = ring_kernel_open(&driver, &plan, cause, cause_size);
    if (error)
        return settings->uring == URING_REQUIRE ? error : 0;
    int fd = ring_kernel_fd(driver);
    error = ring_init(&offload->ring, driver);
    if (error) {
        snprintf(cause, cause_size, "out of memory");
        return error;
    }
    offload->ring_fd = fd;
    notice_opened(&offload->notice, fd, "ring");
    return 0;
}

static void describe(struct offload *offload, const char *cause) {
    const struct offload_settings *settings = &offload->settings;
    const struct ring_driver *driver = offload->ring.driver;
    size_t chunk = offload->pipes.total ? offload->pipes.pairs[0].size : 0;
    snprintf(offload->description, sizeof(offload->description),
             "%s%s; pools: files %ld, handlers %ld, names 1; pipes: %u of %zu KiB%s",
             driver ? driver->summary : "no io_uring: ", driver ? "" : cause, settings->pool,
             settings->handler_threads, offload->pipes.total, chunk >> 10,
             offload->files.cached_lookup ? "" : "; no RESOLVE_CACHED: every open goes to the pool");
}

/* Memory, descriptors and pipes. */
static int start_parts(struct offload *offload, char *why, size_t why_size) {
    const struct offload_settings *settings = &offload->settings;
    int error = files_init(&offload->files, (size_t)settings->inline_max);
    if (error) {
        snprintf(why, why_size, "openat2(2): %s: a kernel before 5.6, or a seccomp filter", strerror(-error));
        return error;
    }
    error = offload_stats_init(&offload->stats);
    if (!error)
        error = slab_init(&offload->slab, 2 * (size_t)settings->queue_depth + 1); /* 1: whose done() runs */
    if (!error) {
        offload->eventfd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        error = offload->eventfd < 0 ? -errno : 0;
    }
    if (!error) {
        notice_opened(&offload->notice, offload->eventfd, "eventfd");
        mailbox_init(&offload->mailbox, offload->eventfd);
        error =
            pipes_init(&offload->pipes, (unsigned)settings->pipes, (size_t)settings->chunk, &offload->notice);
    }
    if (error)
        snprintf(why, why_size, "cannot start offload: %s", strerror(-error));
    return error;
}

int offload_start(struct offload **out, const struct offload_settings *settings, offload_fd_notice *notice,
                  void *context, char *why, size_t why_size) {
    struct offload *offload = aligned_alloc(_Alignof(struct offload), sizeof(*offload));
    if (!offload) {
        snprintf(why, why_size, "out of memory");
        return -ENOMEM;
    }
    memset(offload, 0, sizeof(*offload));
    offload->settings = *settings;
    offload->settings.pool_cpus = NULL;
    offload->notice = (struct notice){notice, context};
    offload->eventfd = -1;
    offload->budget_ns = (int64_t)(settings->spot_budget * NS_PER_S);
    offload_turn(offload);
    char cause[256];
    int error = start_parts(offload, why, why_size);
    if (!error)
        error = start_pools(offload, settings->pool_cpus, why, why_size);
    if (!error && (error = start_ring(offload, cause, sizeof(cause))) != 0)
        snprintf(why, why_size, "io_uring is required: %s", cause);
    if (!error && !offload->ring.driver)
        offload->files.spot_max = SIZE_MAX; /* four times cheaper than a thread */
    if (!error)
        describe(offload, cause);
    if (error)
        offload_stop(offload, 1);
    else
        *out = offload;
    return error;
}

/* Waits for the ring's last completions. False: the deadline passed before. */
static bool drain_ring(struct offload *offload, int64_t deadline_ns) {
    struct ring *ring = &offload->ring;
    if (!ring->driver)
        return true;
    ring_close(ring);
    for (;;) {
        while (offload_collect(offload))
            continue;
        int64_t left_ns = deadline_ns - clock_ns();
        if (ring->in_flight == 0 || left_ns <= 0)
            return ring->in_flight == 0;
        struct pollfd wake = {.fd = offload->eventfd, .events = POLLIN};
        int left_ms = left_ns > NS_PER_S ? 1000 : (int)(left_ns / 1000000) + 1;
        if (poll(&wake, 1, left_ms) == 1)
            offload_drain_eventfd(offload);
    }
}

bool offload_drain(struct offload *offload, double deadline_s) {
    int64_t deadline_ns = clock_ns() + (int64_t)(deadline_s * NS_PER_S);
    offload->drained = true;
    offload->eventfd_only = false;
    for (int i = 0; i < JOB_POOLS; i++)
        for (struct job *job; (job = joblist_pop(&offload->waiting[i]));)
            offload_refuse(offload, job, -ECANCELED);
    offload->held = 0;
    bool done = drain_ring(offload, deadline_ns);
    for (int i = 0; i < JOB_POOLS; i++)
        done = pool_stop(&offload->pools[i], deadline_ns) && done;
    return done;
}

void offload_stop(struct offload *offload, double deadline_s) {
    if (!offload_drain(offload, deadline_s))
        return;
    for (struct job *job; (job = offload_reap(offload)); offload_release(offload, job))
        if (job->kind == JOB_OPEN && job->open.fd >= 0)
            close(job->open.fd);
    if (offload->ring.driver) {
        notice_closing(&offload->notice, offload->ring_fd, "ring");
        ring_free(&offload->ring);
    }
    pipes_free(&offload->pipes);
    if (offload->eventfd >= 0) {
        notice_closing(&offload->notice, offload->eventfd, "eventfd");
        close(offload->eventfd);
    }
    slab_free(&offload->slab);
    offload_stats_free(&offload->stats);
    free(offload);
}
