#include "offload/ring.h"

#include "offload/clock.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#define NO_SLOT      UINT32_MAX
#define REAP_AT_ONCE 64
/* A request that fails with EINTR or EAGAIN this often is better done by a thread. */
#define FAILURES_MAX 4
/* Submits that may fail in a row while nothing is in flight that could free what they lack. */
#define REFUSALS_MAX 100
/* The longest single read or splice: a result is an int. */
#define LENGTH_MAX ((size_t)1 << 30)
#define NO_RESULT  INT_MIN

struct ring_slot {
    struct job *job; /* NULL: free */
    uint32_t generation;
    uint32_t next_free;
    unsigned failures;
    /* The requests in flight for the job: */
    unsigned requests;   /* how many */
    bool apart;          /* the sync went to the kernel after its write: it may have come too early */
    int written, synced; /* results of a write and its sync; NO_RESULT: not asked for */
};

int ring_init(struct ring *ring, struct ring_driver *driver) {
    *ring = (struct ring){.driver = driver, .free_slot = NO_SLOT};
    ring->slots = calloc(driver->budget, sizeof(*ring->slots));
    ring->prepared = calloc(driver->budget, sizeof(*ring->prepared));
    if (!ring->slots || !ring->prepared) {
        ring_free(ring);
        return -ENOMEM;
    }
    for (uint32_t i = driver->budget; i-- > 0;) {
        ring->slots[i].next_free = ring->free_slot;
        ring->free_slot = i;
    }
    return 0;
}

void ring_free(struct ring *ring) {
    assert(ring->in_flight == 0);
    ring->driver->class->close(ring->driver);
    free(ring->slots);
    free(ring->prepared);
    *ring = (struct ring){0};
}

bool ring_usable(const struct ring *ring) {
    return ring->driver && !ring->broken;
}

/* ---- slots ------------------------------------------------------------------------------------- */

static uint32_t slot_take(struct ring *ring, struct job *job) {
    uint32_t index = ring->free_slot;
    struct ring_slot *slot = &ring->slots[index];
    ring->free_slot = slot->next_free;
    slot->job = job;
    slot->failures = 0;
    slot->requests = 0;
    return index;
}

static void slot_give(struct ring *ring, uint32_t index) {
    struct ring_slot *slot = &ring->slots[index];
    slot->job = NULL;
    slot->generation++;
    slot->next_free = ring->free_slot;
    ring->free_slot = index;
}

/* The slot that a completion belongs to, or NO_SLOT. */
static uint32_t slot_find(const struct ring *ring, uint64_t user_data) {
    uint32_t index = (uint32_t)(user_data & ~RING_LINKED);
    bool known = index < ring->driver->budget && ring->slots[index].job &&
                 ring->slots[index].generation == (uint32_t)(user_data >> 32);
    return known ? index : NO_SLOT;
}

/* ---- how a job ends ---------------------------------------------------------------------------- */

static size_t *job_got(struct job *job) {
    return job->kind == JOB_READ    ? &job->read.got
           : job->kind == JOB_WRITE ? &job->write.got
                                    : &job->splice.got;
}

static size_t job_want(const struct job *job) {
    return job->kind == JOB_READ    ? job->read.want
           : job->kind == JOB_WRITE ? job->write.want
                                    : job->splice.want;
}

static bool job_cancelled(struct job *job) {
    return atomic_load_explicit(&job->cancelled, memory_order_relaxed);
}

static void finish(struct ring *ring, struct job *job, int error) {
    job->where = JOB_RING;
    job->error = error;
    job->finished_ns = clock_ns();
    joblist_push(&ring->finished, job);
}

/* ---- to the kernel ----------------------------------------------------------------------------- */

/* How many requests it takes to continue a job. */
static unsigned places_of(const struct job *job) {
    return job->kind == JOB_WRITE && job->write.sync && job->write.got < job->write.want ? 2 : 1;
}

static void write_request(const struct job *job, struct ring_request *request) {
    bool written = job->write.got == job->write.want;
    request->op = written ? RING_SYNC : RING_WRITE;
    request->fd = job->write.fd;
    request->sync = !written && job->write.sync;
    request->offset = job->write.offset + job->write.got;
    request->buffer = (char *)(uintptr_t)job->write.buffer + job->write.got;
}

/* Builds the request for what is left of the slot's job. False: the submission queue is full. */
static bool prepare(struct ring *ring, uint32_t index) {
    struct ring_slot *slot = &ring->slots[index];
    struct job *job = slot->job;
    size_t got = *job_got(job), rest = job_want(job) - got;
    struct ring_request request = {
        .length = (unsigned)(rest < LENGTH_MAX ? rest : LENGTH_MAX),
        .user_data = (uint64_t)slot->generation << 32 | index,
    };
    if (job->kind == JOB_READ) {
        request.op = RING_READ;
        request.fd = job->read.fd;
        request.remote = job->read.remote;
        request.offset = job->read.offset + got;
        request.buffer = (char *)job->read.buffer + got;
    } else if (job->kind == JOB_WRITE) {
        write_request(job, &request);
    } else {
        request.op = RING_SPLICE;
        request.fd = job->splice.fd;
        request.offset = job->splice.offset + got;
        request.pipe = job->splice.pipe;
    }
    if (!ring->driver->class->prepare(ring->driver, &request))
        return false;
    slot->requests = places_of(job);
    slot->apart = false;
    slot->written = slot->synced = NO_RESULT;
    for (unsigned i = 0; i < slot->requests; i++)
        ring->prepared[(ring->prepared_head + ring->prepared_count++) % ring->driver->budget] = index;
    ring->in_flight += slot->requests;
    return true;
}

/* Stops using the ring. Requests that the kernel has not seen go to a pool; those that it has seen still come back. */
static void break_down(struct ring *ring, int error) {
    ring->broken = error;
    for (; ring->prepared_count > 0; ring->prepared_count--) {
        uint32_t index = ring->prepared[ring->prepared_head];
        ring->prepared_head = (ring->prepared_head + 1) % ring->driver->budget;
        ring->in_flight--;
        if (--ring->slots[index].requests > 0)
            continue; /* of a write and its sync; or the kernel has the write */
        joblist_push(&ring->unfit, ring->slots[index].job);
        slot_give(ring, index);
    }
    joblist_append(&ring->unfit, &ring->backlog);
    ring->backlog_count = 0;
}

/* The kernel took some requests and left others: notes a sync that was separated from its write. A link does not
 * outlive the call, so such a sync will not wait for the write. */
static void note_parted(struct ring *ring, uint32_t taken) {
    uint32_t budget = ring->driver->budget, first = ring->prepared[ring->prepared_head];
    uint32_t last = ring->prepared[(ring->prepared_head + budget - 1) % budget];
    if (taken > 0 && ring->prepared_count > 0 && first == last)
        ring->slots[first].apart = true;
}

/* Gives what is prepared to the kernel. EBUSY: the completion queue has to be reaped first; EAGAIN: no memory for now.
 * Both are temporary, unless nothing is in flight that could complete. */
static void submit(struct ring *ring) {
    if (ring->prepared_count == 0)
        return;
    int n = ring->driver->class->submit(ring->driver);
    if (n > 0) {
        uint32_t taken = (uint32_t)n < ring->prepared_count ? (uint32_t)n : ring->prepared_count;
        ring->prepared_head = (ring->prepared_head + taken) % ring->driver->budget;
        ring->prepared_count -= taken;
        ring->refusals = 0;
        note_parted(ring, taken);
    } else if (n != 0 && n != -EBUSY && n != -EAGAIN && n != -EINTR) {
        break_down(ring, n);
    } else if (ring->in_flight == ring->prepared_count && ++ring->refusals > REFUSALS_MAX) {
        break_down(ring, n ? n : -EAGAIN);
    }
}

/* Prepares a slot's job; a full submission queue is emptied first. */
static bool start(struct ring *ring, uint32_t index) {
    if (!prepare(ring, index)) {
        submit(ring);
        if (ring->broken || !prepare(ring, index))
            return false;
    }
    return true;
}

void ring_submit(struct ring *ring, struct job *job) {
    if (ring->backlog_count + ring->in_flight >= ring->driver->budget)
        ring->counts.full++;
    ring->backlog_count++;
    joblist_push(&ring->backlog, job);
}

void ring_flush(struct ring *ring) {
    int64_t now = 0;
    while (ring->backlog.head && !ring->broken) {
        struct job *job = ring->backlog.head;
        if (ring->in_flight + places_of(job) > ring->driver->budget)
            break;
        if (job_cancelled(job)) {
            finish(ring, joblist_pop(&ring->backlog), -ECANCELED);
            ring->backlog_count--;
            continue;
        }
        uint32_t index = slot_take(ring, job);
        if (!start(ring, index)) {
            slot_give(ring, index);
            break; /* still the oldest of the backlog, or broken down and out of it */
        }
        if (now == 0)
            now = clock_ns();
        job->started_ns = now;
        joblist_pop(&ring->backlog);
        ring->backlog_count--;
    }
    submit(ring);
}

/* ---- from the kernel --------------------------------------------------------------------------- */

/* True for errors that are the ring's own and not the file's: a thread may well succeed. */
static bool is_rings_own(int error) {
    return error == -EINTR || error == -EAGAIN || error == -EINVAL || error == -EOPNOTSUPP ||
           error == -ENOSYS || error == -ENOMEM || error == -ECANCELED;
}

/* Continues a job that is not done; a pool does the rest if the ring cannot. */
static void go_on(struct ring *ring, uint32_t index) {
    struct job *job = ring->slots[index].job;
    ring->slots[index].generation++;
    if (ring->broken || !start(ring, index)) {
        joblist_push(&ring->unfit, job);
        slot_give(ring, index);
    }
}

static void end(struct ring *ring, uint32_t index, int error) {
    struct job *job = ring->slots[index].job;
    slot_give(ring, index);
    finish(ring, job, error);
}

/* A read, splice or write failed: is there another way? */
static void fail(struct ring *ring, uint32_t index, int error) {
    struct ring_slot *slot = &ring->slots[index];
    struct job *job = slot->job;
    if ((error == -EINTR || error == -EAGAIN) && ++slot->failures < FAILURES_MAX) {
        go_on(ring, index);
    } else if (is_rings_own(error)) {
        slot_give(ring, index);
        joblist_push(&ring->unfit, job);
    } else {
        end(ring, index, error);
    }
}

/* A read or splice has ended, or a write without a sync. */
static void complete_transfer(struct ring *ring, uint32_t index, int result) {
    struct ring_slot *slot = &ring->slots[index];
    struct job *job = slot->job;
    size_t *got = job_got(job);
    if (result > 0) {
        *got += (size_t)result;
        slot->failures = 0;
    }
    bool all = *got >= job_want(job);
    if (result == 0 && job->kind == JOB_WRITE && !all) {
        end(ring, index, -EIO);
    } else if (result == 0 || all) {
        end(ring, index, 0);
    } else if (job_cancelled(job)) {
        end(ring, index, -ECANCELED);
    } else if (result > 0) {
        ring->counts.resumed++;
        go_on(ring, index);
    } else {
        fail(ring, index, result);
    }
}

/* A write and its sync have ended. A sync that ran and failed is final: the result of a second one would mean nothing,
 * since the kernel may have dropped the bytes. A sync that did not run, or ran too early, is still to be done. */
static void complete_write(struct ring *ring, uint32_t index) {
    struct ring_slot *slot = &ring->slots[index];
    struct job *job = slot->job;
    size_t before = job->write.got;
    if (slot->written > 0)
        job->write.got += (size_t)slot->written;
    bool all = job->write.got == job->write.want;
    bool ran = slot->synced != NO_RESULT && (all || slot->synced != -ECANCELED);
    if (ran && slot->synced < 0) {
        job->write.sync_failed = true;
        end(ring, index, slot->synced);
    } else if (all && ran && !slot->apart) {
        end(ring, index, 0);
    } else if (all || job->write.got > before) {
        ring->counts.resumed++;
        slot->failures = 0;
        go_on(ring, index);
    } else {
        fail(ring, index, slot->written < 0 ? slot->written : -EIO);
    }
}

static void complete(struct ring *ring, uint32_t index, const struct ring_completion *completion) {
    struct ring_slot *slot = &ring->slots[index];
    struct job *job = slot->job;
    bool sync = job->kind == JOB_WRITE && job->write.sync;
    int *result = (completion->user_data & RING_LINKED) || job_want(job) == *job_got(job) ? &slot->synced
                                                                                          : &slot->written;
    if (sync && *result != NO_RESULT)
        return; /* told twice */
    *result = completion->result;
    ring->in_flight--;
    if (--slot->requests > 0)
        return;
    if (sync)
        complete_write(ring, index);
    else
        complete_transfer(ring, index, completion->result);
}

static unsigned state_of(const struct ring *ring) {
    unsigned state = ring->driver->class->state(ring->driver);
    return ring->enter_failed ? state & RING_READY : state;
}

static void enter(struct ring *ring) {
    int error = ring->driver->class->enter(ring->driver);
    if (error == 0 || error == -EINTR || error == -EAGAIN || error == -EBUSY)
        return;
    ring->enter_failed = true;
    if (!ring->broken)
        break_down(ring, error);
}

bool ring_reap(struct ring *ring) {
    unsigned state = state_of(ring);
    if (!state)
        return false;
    if (state & RING_OVERFLOWN)
        ring->counts.overflows++;
    if (state & (RING_DEFERRED | RING_OVERFLOWN))
        enter(ring);
    /* Copied first: continuing a job may need room in the queue that is being read. */
    struct ring_completion completions[REAP_AT_ONCE];
    unsigned n = ring->driver->class->reap(ring->driver, completions, REAP_AT_ONCE);
    for (unsigned i = 0; i < n; i++) {
        uint32_t index = slot_find(ring, completions[i].user_data);
        if (index != NO_SLOT)
            complete(ring, index, &completions[i]);
    }
    return n > 0;
}

bool ring_ready(const struct ring *ring) {
    return state_of(ring) != 0;
}

bool ring_stuck(const struct ring *ring) {
    return ring->prepared_count > 0 && ring->in_flight == ring->prepared_count;
}

void ring_close(struct ring *ring) {
    for (struct job *job; (job = joblist_pop(&ring->backlog));)
        finish(ring, job, -ECANCELED);
    ring->backlog_count = 0;
    if (!ring->broken)
        break_down(ring, -ECANCELED);
}
