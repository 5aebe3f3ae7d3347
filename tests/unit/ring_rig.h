/* What the tests of offload/ring.h share: a ring on a software ring, jobs with buffers, and what is expected.
 * Every buffer is filled and surrounded with RING_RIG_EDGE. */
#ifndef SLUICE_TESTS_UNIT_RING_RIG_H
#define SLUICE_TESTS_UNIT_RING_RIG_H

#include "tests/unit/soft_ring.h"

#define RING_RIG_JOBS 200
#define RING_RIG_WANT 1000
#define RING_RIG_EDGE 0xee

struct ring_rig {
    struct soft_ring soft;
    struct ring ring;
    struct job *jobs;
    unsigned char *buffers;
};

void ring_rig_setup(struct ring_rig *rig);
/* Nothing may be in flight; checks that the ring closed its driver. */
void ring_rig_teardown(struct ring_rig *rig);
/* Starts the ring on a flawless software ring; the numbers are those of soft_ring_init(). */
void ring_rig_start(struct ring_rig *rig, uint64_t seed, unsigned entries, unsigned room, unsigned budget);

unsigned char *ring_rig_buffer(struct ring_rig *rig, int i);
/* Submits job i: RING_RIG_WANT bytes at offset into its buffer. */
struct job *ring_rig_read(struct ring_rig *rig, int i, uint64_t offset);
struct job *ring_rig_splice(struct ring_rig *rig, int i, int pipe, uint64_t offset, size_t want);
/* Turns of a loop until nothing is left to do. */
void ring_rig_run(struct ring_rig *rig);

/* The job ended on the ring, with this error, and nothing else ended. */
void ring_rig_finished(struct ring_rig *rig, struct job *job, int error);
/* The job was given back for a pool to do, and nothing else ended. */
void ring_rig_unfit(struct ring_rig *rig, struct job *job);
/* Job i read the right bytes, and nothing outside of its buffer changed. */
void ring_rig_bytes(struct ring_rig *rig, int i);
/* The job's pipe got the right bytes. */
void ring_rig_piped(struct ring_rig *rig, const struct job *job);

#endif
