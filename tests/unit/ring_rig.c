#include "tests/unit/ring_rig.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

void ring_rig_setup(struct ring_rig *rig) {
    rig->jobs = calloc(RING_RIG_JOBS, sizeof(*rig->jobs));
    rig->buffers = malloc(RING_RIG_JOBS * (RING_RIG_WANT + 2));
    ck_assert(rig->jobs && rig->buffers);
    memset(rig->buffers, RING_RIG_EDGE, RING_RIG_JOBS * (RING_RIG_WANT + 2));
}

void ring_rig_teardown(struct ring_rig *rig) {
    ring_free(&rig->ring);
    ck_assert(rig->soft.closed);
    free(rig->jobs);
    free(rig->buffers);
}

void ring_rig_start(struct ring_rig *rig, uint64_t seed, unsigned entries, unsigned room, unsigned budget) {
    soft_ring_init(&rig->soft, seed, entries, room, budget);
    ck_assert_int_eq(ring_init(&rig->ring, &rig->soft.driver), 0);
}

unsigned char *ring_rig_buffer(struct ring_rig *rig, int i) {
    return rig->buffers + i * (RING_RIG_WANT + 2) + 1;
}

struct job *ring_rig_read(struct ring_rig *rig, int i, uint64_t offset) {
    struct job *job = &rig->jobs[i];
    job->kind = JOB_READ;
    job->read.offset = offset;
    job->read.want = RING_RIG_WANT;
    job->read.buffer = ring_rig_buffer(rig, i);
    ring_submit(&rig->ring, job);
    return job;
}

struct job *ring_rig_splice(struct ring_rig *rig, int i, int pipe, uint64_t offset, size_t want) {
    struct job *job = &rig->jobs[i];
    job->kind = JOB_SPLICE;
    job->splice.offset = offset;
    job->splice.want = want;
    job->splice.pipe = pipe;
    ring_submit(&rig->ring, job);
    return job;
}

void ring_rig_run(struct ring_rig *rig) {
    do {
        ring_flush(&rig->ring);
        soft_ring_step(&rig->soft);
        while (ring_reap(&rig->ring))
            continue;
    } while (rig->ring.in_flight || rig->ring.backlog.head);
}

void ring_rig_finished(struct ring_rig *rig, struct job *job, int error) {
    ck_assert_ptr_eq(joblist_pop(&rig->ring.finished), job);
    ck_assert_ptr_null(rig->ring.finished.head);
    ck_assert_ptr_null(rig->ring.unfit.head);
    ck_assert_int_eq(job->error, error);
    ck_assert_int_eq(job->where, JOB_RING);
    ck_assert_int_gt(job->finished_ns, 0);
}

void ring_rig_unfit(struct ring_rig *rig, struct job *job) {
    ck_assert_ptr_eq(joblist_pop(&rig->ring.unfit), job);
    ck_assert_ptr_null(rig->ring.unfit.head);
    ck_assert_ptr_null(rig->ring.finished.head);
}

void ring_rig_bytes(struct ring_rig *rig, int i) {
    struct job *job = &rig->jobs[i];
    unsigned char *buffer = ring_rig_buffer(rig, i);
    size_t right = 0;
    while (right < job->read.got && buffer[right] == soft_byte(job->read.offset + right))
        right++;
    ck_assert_uint_eq(right, job->read.got);
    ck_assert_uint_eq(buffer[-1], RING_RIG_EDGE);
    ck_assert_uint_eq(buffer[RING_RIG_WANT], RING_RIG_EDGE);
}

void ring_rig_piped(struct ring_rig *rig, const struct job *job) {
    ck_assert_uint_eq(rig->soft.piped[job->splice.pipe], job->splice.got);
    if (job->splice.got)
        ck_assert_uint_eq(rig->soft.pipe_end[job->splice.pipe], job->splice.offset + job->splice.got);
}
