/* What the tests of offload/offload.h share: a directory with a file, offload in one of its modes, and a loop
 * that sleeps on the eventfd alone. */
#ifndef SLUICE_TESTS_UNIT_OFFLOAD_RIG_H
#define SLUICE_TESTS_UNIT_OFFLOAD_RIG_H

#include "offload/offload.h"

#include <semaphore.h>

#define OFFLOAD_RIG_SIZE  ((size_t)600 << 10) /* of the file; byte i is i % 251 */
#define OFFLOAD_RIG_CHUNK ((size_t)256 << 10)

struct offload_mode {
    int offload, uring;
    bool eventfd_only;
};

/* Every way to run. */
enum {
    OFFLOAD_MODE_AUTO,
    OFFLOAD_MODE_ALWAYS,
    OFFLOAD_MODE_AUTO_NO_RING,
    OFFLOAD_MODE_ALWAYS_NO_RING,
    OFFLOAD_EVENTFD_MODES, /* from here on reaping on the eventfd alone */
    OFFLOAD_MODES = OFFLOAD_EVENTFD_MODES + 3
};
extern const struct offload_mode offload_modes[OFFLOAD_MODES];

struct offload_rig {
    struct offload_settings settings;
    struct offload *offload;
    char why[300];
    char directory[64], path[80]; /* path: of the file */
    int root, file;
    struct stat file_stat;
    char buffer[OFFLOAD_RIG_SIZE];
    int fds_opened, fds_closed; /* by offload's own account */
};

void offload_rig_setup(struct offload_rig *rig);
void offload_rig_teardown(struct offload_rig *rig);
/* Starts offload with rig->settings in a mode. -errno with rig->why. */
int offload_rig_try(struct offload_rig *rig, const struct offload_mode *mode);
void offload_rig_start(struct offload_rig *rig, const struct offload_mode *mode);
bool offload_rig_has_ring(struct offload_rig *rig);
/* True if the directory is on a file system that is sure to tell whether it would sleep. */
bool offload_rig_on_disk(struct offload_rig *rig);

/* Jobs on the file, below the directory, or in a pool. A read clears the buffer that it is to fill. */
struct job *offload_rig_job(struct offload_rig *rig, enum job_kind kind, enum job_pool pool);
struct job *offload_rig_open(struct offload_rig *rig, const char *name);
struct job *offload_rig_read(struct offload_rig *rig, uint64_t offset, size_t want);
struct job *offload_rig_splice(struct offload_rig *rig, struct pipe_pair *pipe, uint64_t offset, size_t want);
struct job *offload_rig_call(struct offload_rig *rig, enum job_pool pool, void (*run)(struct job *job));

/* Turns of a loop until a job is back. */
struct job *offload_rig_next(struct offload_rig *rig);
/* Submits the job and waits until it is back. Who ran it. */
enum job_where offload_rig_do(struct offload_rig *rig, struct job *job);
/* The buffer holds n bytes of the file from offset on. */
void offload_rig_pattern(struct offload_rig *rig, uint64_t offset, size_t n);
bool offload_rig_is_pattern(const char *bytes, uint64_t offset, size_t n);

/* Jobs of one kind, right and wrong ones, with all their results. */
void offload_rig_opens(struct offload_rig *rig, const struct offload_mode *mode);
void offload_rig_reads(struct offload_rig *rig, const struct offload_mode *mode);
/* All of them, OFFLOAD_RIG_JOBS in number: so many opens, reads, splices, calls. */
enum { OFFLOAD_RIG_OPENS = 2, OFFLOAD_RIG_READS = 6, OFFLOAD_RIG_SPLICES = 2, OFFLOAD_RIG_CALLS = JOB_POOLS };
enum { OFFLOAD_RIG_TRANSFERS = OFFLOAD_RIG_READS + OFFLOAD_RIG_SPLICES };
enum { OFFLOAD_RIG_JOBS = OFFLOAD_RIG_OPENS + OFFLOAD_RIG_TRANSFERS + OFFLOAD_RIG_CALLS };
void offload_rig_everything(struct offload_rig *rig, const struct offload_mode *mode);

/* For calls: counts; counts, posts `started` and waits for `go_on`. */
struct offload_rig_calls {
    sem_t started, go_on;
    atomic_uint runs;
};
extern struct offload_rig_calls offload_rig_calls;
void offload_rig_count_run(struct job *job);
void offload_rig_hang(struct job *job);

#endif
