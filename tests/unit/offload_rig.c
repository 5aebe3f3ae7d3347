#include "tests/unit/offload_rig.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

const struct offload_mode offload_modes[OFFLOAD_MODES] = {
    {OFFLOAD_AUTO, URING_AUTO, false}, {OFFLOAD_ALWAYS, URING_AUTO, false},
    {OFFLOAD_AUTO, URING_OFF, false},  {OFFLOAD_ALWAYS, URING_OFF, false},
    {OFFLOAD_AUTO, URING_AUTO, true},  {OFFLOAD_ALWAYS, URING_AUTO, true},
    {OFFLOAD_ALWAYS, URING_OFF, true},
};

struct offload_rig_calls offload_rig_calls;

static char pattern(size_t i) {
    return (char)(i % 251);
}

bool offload_rig_is_pattern(const char *bytes, uint64_t offset, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (bytes[i] != pattern(offset + i))
            return false;
    return true;
}

void offload_rig_pattern(struct offload_rig *rig, uint64_t offset, size_t n) {
    ck_assert(offload_rig_is_pattern(rig->buffer, offset, n));
}

/* ---- around a test ----------------------------------------------------------------------------- */

void offload_rig_setup(struct offload_rig *rig) {
    snprintf(rig->directory, sizeof rig->directory, "/tmp/sluice-test-offload-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(rig->directory));
    snprintf(rig->path, sizeof rig->path, "%s/file", rig->directory);
    for (size_t i = 0; i < OFFLOAD_RIG_SIZE; i++)
        rig->buffer[i] = pattern(i);
    rig->file = open(rig->path, O_RDWR | O_CREAT, 0644);
    ck_assert_int_eq(write(rig->file, rig->buffer, OFFLOAD_RIG_SIZE), (ssize_t)OFFLOAD_RIG_SIZE);
    ck_assert_int_eq(fstat(rig->file, &rig->file_stat), 0);
    rig->root = open(rig->directory, O_PATH | O_DIRECTORY);
    ck_assert_int_ge(rig->root, 0);
    sem_init(&offload_rig_calls.started, 0, 0);
    sem_init(&offload_rig_calls.go_on, 0, 0);
    rig->settings = (struct offload_settings){.pool = 2,
                                              .handler_threads = 1,
                                              .queue_depth = 100,
                                              .inline_max = 16384,
                                              .chunk = OFFLOAD_RIG_CHUNK,
                                              .pipes = 3,
                                              .spot_budget = 1,
                                              .uring_entries = 16,
                                              .uring_workers = 2};
}

void offload_rig_teardown(struct offload_rig *rig) {
    if (rig->offload)
        offload_stop(rig->offload, 60);
    ck_assert_int_eq(rig->fds_opened, rig->fds_closed);
    close(rig->root);
    close(rig->file);
    unlink(rig->path);
    rmdir(rig->directory);
    sem_destroy(&offload_rig_calls.started);
    sem_destroy(&offload_rig_calls.go_on);
}

static void count_fd(void *context, int fd, const char *kind, bool opened) {
    struct offload_rig *rig = context;
    ck_assert_int_ne(fcntl(fd, F_GETFD), -1);
    ck_assert_ptr_nonnull(kind);
    ++*(opened ? &rig->fds_opened : &rig->fds_closed);
}

int offload_rig_try(struct offload_rig *rig, const struct offload_mode *mode) {
    rig->settings.offload = mode->offload;
    rig->settings.uring = mode->uring;
    int error = offload_start(&rig->offload, &rig->settings, count_fd, rig, rig->why, sizeof rig->why);
    if (!error && mode->eventfd_only)
        offload_reap_on_eventfd_only(rig->offload);
    return error;
}

void offload_rig_start(struct offload_rig *rig, const struct offload_mode *mode) {
    int error = offload_rig_try(rig, mode);
    ck_assert_msg(error == 0, "%d: %s", error, rig->why);
}

bool offload_rig_has_ring(struct offload_rig *rig) {
    return strncmp(offload_describe(rig->offload), "io_uring ", 9) == 0;
}

bool offload_rig_on_disk(struct offload_rig *rig) {
    struct statfs st;
    ck_assert_int_eq(statfs(rig->directory, &st), 0);
    return st.f_type == EXT4_SUPER_MAGIC || st.f_type == XFS_SUPER_MAGIC;
}

/* ---- jobs -------------------------------------------------------------------------------------- */

struct job *offload_rig_job(struct offload_rig *rig, enum job_kind kind, enum job_pool pool) {
    struct job *job = offload_job(rig->offload, kind, pool);
    ck_assert_ptr_nonnull(job);
    return job;
}

struct job *offload_rig_open(struct offload_rig *rig, const char *name) {
    struct job *job = offload_rig_job(rig, JOB_OPEN, JOB_POOL_FILES);
    job->open.root = rig->root;
    job->open.hand_out = true;
    snprintf(job->open.path, sizeof job->open.path, "%s", name);
    return job;
}

struct job *offload_rig_read(struct offload_rig *rig, uint64_t offset, size_t want) {
    struct job *job = offload_rig_job(rig, JOB_READ, JOB_POOL_FILES);
    memset(rig->buffer, 0, sizeof rig->buffer);
    job->read.fd = rig->file;
    job->read.device = rig->file_stat.st_dev;
    job->read.offset = offset;
    job->read.want = want;
    job->read.buffer = rig->buffer;
    return job;
}

struct job *offload_rig_splice(struct offload_rig *rig, struct pipe_pair *pipe, uint64_t offset,
                               size_t want) {
    struct job *job = offload_rig_job(rig, JOB_SPLICE, JOB_POOL_FILES);
    job->splice.fd = rig->file;
    job->splice.offset = offset;
    job->splice.want = want;
    job->splice.pipe = pipe->write_end;
    return job;
}

struct job *offload_rig_call(struct offload_rig *rig, enum job_pool pool, void (*run)(struct job *)) {
    struct job *job = offload_rig_job(rig, JOB_CALL, pool);
    job->call.run = run;
    return job;
}

void offload_rig_count_run(struct job *job) {
    (void)job;
    atomic_fetch_add(&offload_rig_calls.runs, 1);
}

void offload_rig_hang(struct job *job) {
    offload_rig_count_run(job);
    sem_post(&offload_rig_calls.started);
    sem_wait(&offload_rig_calls.go_on);
}

struct job *offload_rig_next(struct offload_rig *rig) {
    struct job *job;
    for (;;) {
        offload_turn(rig->offload);
        if ((job = offload_reap(rig->offload)))
            return job;
        offload_flush(rig->offload);
        if (offload_sleep(rig->offload)) {
            struct pollfd wake = {.fd = offload_eventfd(rig->offload), .events = POLLIN};
            ck_assert_int_eq(poll(&wake, 1, -1), 1);
            offload_drain_eventfd(rig->offload);
        }
        offload_wake(rig->offload);
    }
}

enum job_where offload_rig_do(struct offload_rig *rig, struct job *job) {
    offload_submit(rig->offload, job);
    ck_assert_ptr_eq(offload_rig_next(rig), job);
    return job->where;
}

/* ---- all kinds of jobs ------------------------------------------------------------------------- */

static void check_where(const struct offload_mode *mode, enum job_where where, enum job_where if_always) {
    if (mode->offload == OFFLOAD_ALWAYS)
        ck_assert_int_eq(where, if_always);
}

void offload_rig_opens(struct offload_rig *rig, const struct offload_mode *mode) {
    struct job *job = offload_rig_open(rig, "file");
    check_where(mode, offload_rig_do(rig, job), JOB_POOL);
    ck_assert_int_eq(job->error, 0);
    ck_assert_uint_eq((size_t)job->open.st.st_size, OFFLOAD_RIG_SIZE);
    ck_assert_int_eq(close(job->open.fd), 0);
    offload_release(rig->offload, job);
    job = offload_rig_open(rig, "../etc");
    check_where(mode, offload_rig_do(rig, job), JOB_POOL);
    ck_assert_int_eq(job->error, -EXDEV);
    offload_release(rig->offload, job);
}

void offload_rig_reads(struct offload_rig *rig, const struct offload_mode *mode) {
    static const size_t wants[OFFLOAD_RIG_READS] = {1, 1000, 16384, 16385, OFFLOAD_RIG_CHUNK, 50};
    for (size_t i = 0; i < OFFLOAD_RIG_READS; i++) {
        bool last = i == OFFLOAD_RIG_READS - 1; /* over the end of the file */
        uint64_t offset = last ? OFFLOAD_RIG_SIZE - 5 : 777;
        struct job *job = offload_rig_read(rig, offset, wants[i]);
        enum job_where where = offload_rig_do(rig, job);
        check_where(mode, where, offload_rig_has_ring(rig) ? JOB_RING : JOB_POOL);
        ck_assert_int_eq(job->error, 0);
        ck_assert_uint_eq(job->read.got, last ? 5 : wants[i]);
        offload_rig_pattern(rig, offset, job->read.got);
        offload_release(rig->offload, job);
    }
}

/* A whole chunk, also from within a page, which takes a page more of the pipe. */
static void check_splices(struct offload_rig *rig, const struct offload_mode *mode) {
    for (uint64_t offset = 0; offset <= 777; offset += 777) {
        struct pipe_pair *pipe = offload_pipe(rig->offload);
        ck_assert_ptr_nonnull(pipe);
        struct job *job = offload_rig_splice(rig, pipe, offset, pipe->size);
        enum job_where where = offload_rig_do(rig, job);
        check_where(mode, where, offload_rig_has_ring(rig) ? JOB_RING : JOB_POOL);
        ck_assert_int_eq(job->error, 0);
        ck_assert_uint_eq(job->splice.got, pipe->size);
        ck_assert_int_eq(read(pipe->read_end, rig->buffer, OFFLOAD_RIG_SIZE), (ssize_t)pipe->size);
        offload_rig_pattern(rig, offset, pipe->size);
        offload_release(rig->offload, job);
        offload_pipe_release(rig->offload, pipe, true);
    }
}

static void check_calls(struct offload_rig *rig) {
    unsigned before = atomic_load(&offload_rig_calls.runs);
    for (int pool = 0; pool < JOB_POOLS; pool++) {
        struct job *job = offload_rig_call(rig, (enum job_pool)pool, offload_rig_count_run);
        ck_assert_int_eq(offload_rig_do(rig, job), JOB_POOL);
        ck_assert_int_eq(job->error, 0);
        ck_assert(job->submitted_ns <= job->started_ns && job->started_ns <= job->finished_ns);
        offload_release(rig->offload, job);
    }
    ck_assert_uint_eq(atomic_load(&offload_rig_calls.runs), before + JOB_POOLS);
}

void offload_rig_everything(struct offload_rig *rig, const struct offload_mode *mode) {
    offload_rig_opens(rig, mode);
    offload_rig_reads(rig, mode);
    check_splices(rig, mode);
    check_calls(rig);
    ck_assert_uint_eq(offload_stats(rig->offload)->jobs_open, 0);
    ck_assert_uint_eq(offload_stats(rig->offload)->ring_in_flight, 0);
}
