/* The ring's logic, independent of the kernel: which jobs are in hand, what a result means for them.
 *
 *     ring_submit(job) -> backlog -> slot + generation -> driver: prepare -> submit ... reap
 *                            flush: while slots are free     '<- short, EINTR, EAGAIN -'|
 *                                                                                       v
 *                                              finished | unfit: a pool has to do (the rest of) it
 *
 * A completion names its job by slot and generation, so one that comes twice finds nothing. There are fewer slots than
 * completion queue entries, so we never make that queue overflow. From the flush until it is reaped, a job's fds and
 * buffers belong to the kernel.
 *
 * A write that has to reach the disk is two requests of one slot, the second linked to the first: the sync starts when
 * all bytes are written. A sync that failed is never tried again, here or in a pool. */
#ifndef SLUICE_OFFLOAD_RING_H
#define SLUICE_OFFLOAD_RING_H

#include "offload/joblist.h"

enum ring_op { RING_READ, RING_SPLICE, RING_WRITE, RING_SYNC };

#define RING_LINKED ((uint64_t)1 << 31) /* in user_data: of a write's linked sync */

struct ring_request {
    enum ring_op op;
    int fd;
    int pipe;     /* of a splice */
    bool remote;  /* of a read: not to be tried before a worker has it, as the try itself may sleep */
    bool sync;    /* of a write: a RING_SYNC linked to it follows, with RING_LINKED in its user_data */
    void *buffer; /* of a read or write */
    uint64_t offset;
    unsigned length;
    uint64_t user_data;
};

struct ring_completion {
    uint64_t user_data;
    int result; /* bytes or -errno */
};

/* Flags that ring_driver_class.state() returns. */
enum {
    RING_READY = 1,     /* completions to reap */
    RING_DEFERRED = 2,  /* the kernel has to be entered to produce some */
    RING_OVERFLOWN = 4, /* the kernel holds back completions that found the queue full */
};

/* What drives the logic: the kernel's ring, or the software ring of the tests. */
struct ring_driver {
    const struct ring_driver_class *class;
    unsigned budget;     /* requests in flight at most */
    const char *summary; /* for the log */
};

struct ring_driver_class {
    /* Takes a request, or two (sync), for the next submit. False: no room in the submission queue, nothing was
     * taken. */
    bool (*prepare)(struct ring_driver *driver, const struct ring_request *request);
    /* Gives the prepared requests to the kernel, the oldest first. Returns how many it took, or -errno if none. */
    int (*submit)(struct ring_driver *driver);
    unsigned (*state)(struct ring_driver *driver);
    /* Lets the kernel run deferred work and refill the completion queue. 0 or -errno. */
    int (*enter)(struct ring_driver *driver);
    /* Takes up to n completions. */
    unsigned (*reap)(struct ring_driver *driver, struct ring_completion *out, unsigned n);
    void (*close)(struct ring_driver *driver);
};

struct ring_counts {
    uint64_t resumed;   /* short results that were continued */
    uint64_t overflows; /* of the completion queue */
    uint64_t full;      /* jobs that had to wait for a slot */
};

struct ring_slot;

struct ring {
    struct ring_driver *driver;
    struct ring_slot *slots;
    uint32_t *prepared; /* slots handed to prepare but not yet to submit: a circle of budget entries */
    uint32_t prepared_head, prepared_count;
    uint32_t free_slot;
    unsigned in_flight; /* requests in hand */
    unsigned backlog_count;
    struct joblist backlog;  /* jobs without a slot */
    struct joblist finished; /* for the owner to take */
    struct joblist unfit;    /* for the owner to run in a pool */
    unsigned refusals;       /* submits in a row that failed while nothing was on its way */
    int broken;              /* -errno of what made it useless, or 0 */
    bool enter_failed;       /* the kernel is not entered any more: only what is in the queue is reaped */
    struct ring_counts counts;
};

/* Takes over the driver. 0, or -ENOMEM (the driver is closed then too). */
int ring_init(struct ring *ring, struct ring_driver *driver);
/* Nothing may be in flight. */
void ring_free(struct ring *ring);
/* False: it broke down; jobs that it has in hand still come back. */
bool ring_usable(const struct ring *ring);
/* Takes over a JOB_READ, JOB_SPLICE or JOB_WRITE; ring_flush() starts it. */
void ring_submit(struct ring *ring, struct job *job);
/* Starts what can be started, usually with one system call. */
void ring_flush(struct ring *ring);
/* Looks for completions once; jobs appear in finished and unfit. False: there were none. */
bool ring_reap(struct ring *ring);
/* True if there is something to reap. */
bool ring_ready(const struct ring *ring);
/* True if a submit failed temporarily and no completion is pending that would wake the loop to repeat it. */
bool ring_stuck(const struct ring *ring);
/* Returns the backlog, cancelled; what is in flight is not continued after its next result. */
void ring_close(struct ring *ring);

#endif
