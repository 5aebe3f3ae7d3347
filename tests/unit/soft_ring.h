/* A ring in software behind the seam of offload/ring.h: it does what the kernel may do, by a seeded schedule.
 *
 *     prepare -> queue (entries) -> submit -> held -> step -> completions (room) -> reap
 *                                                |     '- deferred: only by enter
 *                                                '- full: kept back until enter
 *
 * Files that are read are made up: byte i of every file is soft_byte(i), and every file has file_size bytes.
 * A linked sync waits for its write, as long as one submit took both. */
#ifndef SLUICE_TESTS_UNIT_SOFT_RING_H
#define SLUICE_TESTS_UNIT_SOFT_RING_H

#include "offload/ring.h"

#define SOFT_MAX   256
#define SOFT_PIPES 64
#define SOFT_DISK  4096

/* What goes wrong, each in per cent of the occasions. */
struct soft_faults {
    unsigned shorten;   /* a result is shorter than asked for */
    unsigned again;     /* a request ends with EAGAIN */
    unsigned interrupt; /* ... EINTR */
    unsigned invalid;   /* ... EINVAL */
    unsigned io_error;  /* ... EIO */
    unsigned repeat;    /* a completion comes twice */
    unsigned refuse;    /* a submit fails with EBUSY or EAGAIN */
    unsigned partial;   /* a submit takes only some */
    unsigned delay;     /* a step leaves a request where it is */
};

struct soft_ring {
    struct ring_driver driver;
    struct soft_faults faults;
    uint64_t seed;
    uint64_t file_size;
    unsigned entries, room; /* of the two queues */
    bool deferred;          /* completions need an enter */
    int submit_error;       /* every submit fails with it */
    int enter_error;        /* every enter fails with it */
    struct ring_request queue[SOFT_MAX], held[SOFT_MAX];
    struct ring_completion ready[2 * SOFT_MAX], done[2 * SOFT_MAX]; /* done: waits for an enter */
    unsigned queued, holding, ready_count, done_count;
    unsigned most_in_flight, submits, seen; /* seen: requests that were taken */
    uint64_t piped[SOFT_PIPES];             /* bytes in each pipe */
    uint64_t pipe_end[SOFT_PIPES];          /* where in the file the last of them was */
    unsigned char cache[SOFT_DISK],
        disk[SOFT_DISK];         /* of the one file that is written: a sync copies all of it */
    unsigned syncs;              /* that were carried out */
    int write_error, sync_error; /* every write, or sync, fails with it */
    unsigned submit_most;        /* a submit takes so many at most; 0: any number */
    bool closed;
};

/* A ring that does everything right, with the two queues' sizes and so many requests in flight at most. */
void soft_ring_init(struct soft_ring *soft, uint64_t seed, unsigned entries, unsigned room, unsigned budget);
/* Lets time pass: some requests that it holds come to their end, in any order. */
void soft_ring_step(struct soft_ring *soft);
/* A number below n, from the seed. */
unsigned soft_ring_random(struct soft_ring *soft, unsigned n);

static inline unsigned char soft_byte(uint64_t i) {
    return (unsigned char)(i * 31 + (i >> 8) * 7);
}

#endif
