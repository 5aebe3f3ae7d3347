#include "offload/ring_kernel.h"

#include "offload/ring_cause.h"

#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

/* How long a start waits for the self-test, which takes well under a millisecond. */
#define TEST_MS 2000
/* Bytes that the self-test reads and splices. */
#define TEST_BYTES 512

struct ring_kernel {
    struct ring_driver driver;
    struct io_uring uring;
    char summary[160];
};

/* From the best set-up to the plainest; a kernel that does not know a flag answers EINVAL. DEFER_TASKRUN (6.1) leaves
 * completion work to our own calls; COOP_TASKRUN (5.19) at least saves the interrupts. */
static const struct rung {
    unsigned flags;
    const char *name;
} ladder[] = {
    {IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG |
         IORING_SETUP_SUBMIT_ALL,
     "single_issuer defer_taskrun"},
    {IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL, "coop_taskrun"},
    {0, "plain"},
};

static struct ring_kernel *kernel_of(struct ring_driver *driver) {
    return (struct ring_kernel *)(void *)driver;
}

/* ---- the seam ---------------------------------------------------------------------------------- */

static bool kernel_prepare(struct ring_driver *driver, const struct ring_request *request) {
    struct io_uring *uring = &kernel_of(driver)->uring;
    if (io_uring_sq_space_left(uring) < (request->sync ? 2 : 1))
        return false;
    struct io_uring_sqe *sqe = io_uring_get_sqe(uring);
    switch (request->op) {
    case RING_READ:
        io_uring_prep_read(sqe, request->fd, request->buffer, request->length, request->offset);
        sqe->flags |= request->remote ? IOSQE_ASYNC : 0;
        break;
    case RING_SPLICE:
        /* Never wait for room in the pipe: nobody would make any before the job is done. */
        io_uring_prep_splice(sqe, request->fd, (int64_t)request->offset, request->pipe, -1, request->length,
                             SPLICE_F_NONBLOCK);
        break;
    case RING_WRITE:
        io_uring_prep_write(sqe, request->fd, request->buffer, request->length, request->offset);
        break;
    case RING_SYNC:
        io_uring_prep_fsync(sqe, request->fd, IORING_FSYNC_DATASYNC);
        break;
    }
    io_uring_sqe_set_data64(sqe, request->user_data);
    if (request->sync) {
        sqe->flags |= IOSQE_IO_LINK; /* a write that fails or is short cancels the sync */
        sqe = io_uring_get_sqe(uring);
        io_uring_prep_fsync(sqe, request->fd, IORING_FSYNC_DATASYNC);
        io_uring_sqe_set_data64(sqe, request->user_data | RING_LINKED);
    }
    return true;
}

static int kernel_submit(struct ring_driver *driver) {
    return io_uring_submit(&kernel_of(driver)->uring);
}

static unsigned kernel_state(struct ring_driver *driver) {
    struct io_uring *uring = &kernel_of(driver)->uring;
    unsigned flags = IO_URING_READ_ONCE(*uring->sq.kflags);
    return (io_uring_cq_ready(uring) ? RING_READY : 0) | (flags & IORING_SQ_TASKRUN ? RING_DEFERRED : 0) |
           (flags & IORING_SQ_CQ_OVERFLOW ? RING_OVERFLOWN : 0);
}

static int kernel_enter(struct ring_driver *driver) {
    int result = io_uring_get_events(&kernel_of(driver)->uring);
    return result < 0 ? result : 0;
}

static unsigned kernel_reap(struct ring_driver *driver, struct ring_completion *out, unsigned n) {
    struct io_uring *uring = &kernel_of(driver)->uring;
    struct io_uring_cqe *cqe;
    unsigned head, count = 0;
    io_uring_for_each_cqe(uring, head, cqe) {
        if (count == n)
            break;
        out[count++] = (struct ring_completion){cqe->user_data, cqe->res};
    }
    io_uring_cq_advance(uring, count);
    return count;
}

static void kernel_close(struct ring_driver *driver) {
    struct ring_kernel *kernel = kernel_of(driver);
    io_uring_queue_exit(&kernel->uring);
    free(kernel);
}

static const struct ring_driver_class kernel_class = {
    .prepare = kernel_prepare,
    .submit = kernel_submit,
    .state = kernel_state,
    .enter = kernel_enter,
    .reap = kernel_reap,
    .close = kernel_close,
};

/* ---- the self-test ----------------------------------------------------------------------------- */

/* Runs one request to completion, woken by the eventfd alone. Returns its result, or -errno; -ETIME: no wake-up
 * came. */
static int test_one(struct ring_kernel *kernel, const struct ring_request *request, int event) {
    struct ring_driver *driver = &kernel->driver;
    struct pollfd wake = {.fd = event, .events = POLLIN};
    struct ring_completion completion;
    if (request)
        kernel_prepare(driver, request);
    else
        io_uring_prep_nop(io_uring_get_sqe(&kernel->uring));
    int result = kernel_submit(driver);
    if (result != 1)
        return result < 0 ? result : -EIO;
    for (;;) {
        eventfd_t count;
        int ready = poll(&wake, 1, TEST_MS);
        if (ready == 0 || (ready < 0 && errno != EINTR)) /* completion work may interrupt it */
            return -ETIME;
        eventfd_read(event, &count);
        if (kernel_state(driver) & RING_DEFERRED && (result = kernel_enter(driver)) != 0)
            return result;
        if (kernel_reap(driver, &completion, 1) == 1)
            return completion.result;
    }
}

/* Tests every kind of request: a seccomp profile can allow the set-up and deny the rest, and a kernel can lack an
 * operation. */
static int test_all(struct ring_kernel *kernel, const struct ring_plan *plan, const char **step) {
    char bytes[TEST_BYTES] = {1};
    int ends[2];
    *step = "io_uring self-test: pipe2";
    if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0)
        return -errno;
    int error = 0, file = memfd_create("sluice-ring-test", MFD_CLOEXEC);
    *step = "io_uring self-test: memfd_create";
    if (file < 0 || write(file, bytes, sizeof(bytes)) != sizeof(bytes))
        error = -errno;
    if (!error) {
        *step = "io_uring_enter";
        error = test_one(kernel, NULL, plan->eventfd);
    }
    if (!error) {
        *step = "io_uring read";
        struct ring_request request = {.op = RING_READ, .fd = file, .buffer = bytes, .length = TEST_BYTES};
        int n = test_one(kernel, &request, plan->eventfd);
        error = n == TEST_BYTES ? 0 : n < 0 ? n : -EIO;
    }
    if (!error) {
        *step = "io_uring splice";
        struct ring_request request = {.op = RING_SPLICE, .fd = file, .pipe = ends[1], .length = TEST_BYTES};
        int n = test_one(kernel, &request, plan->eventfd);
        error = n == TEST_BYTES ? 0 : n < 0 ? n : -EIO;
    }
    eventfd_t left;
    eventfd_read(plan->eventfd, &left); /* one request may write it twice */
    if (file >= 0)
        close(file);
    close(ends[0]);
    close(ends[1]);
    return error;
}

/* ---- set-up ------------------------------------------------------------------------------------ */

/* Tries the set-ups from best to plainest; if locked memory is short, it tries a small ring once. 0 or -errno. */
static int set_up(struct ring_kernel *kernel, unsigned entries, struct io_uring_params *params,
                  const char **name) {
    int error = -EINVAL;
    for (size_t i = 0; i < sizeof(ladder) / sizeof(ladder[0]) && error == -EINVAL; i++) {
        *params = (struct io_uring_params){
            .flags = ladder[i].flags | IORING_SETUP_CLAMP | IORING_SETUP_CQSIZE, .cq_entries = 4 * entries};
        error = io_uring_queue_init_params(entries, &kernel->uring, params);
        *name = ladder[i].name;
    }
    return error == -ENOMEM && entries > 16 ? set_up(kernel, 16, params, name) : error;
}

/* Names a feature that we rely on and this kernel lacks. NULL: it has them all. */
static const char *missing(struct ring_kernel *kernel) {
    unsigned needed = IORING_FEAT_NODROP | IORING_FEAT_SUBMIT_STABLE | IORING_FEAT_NATIVE_WORKERS;
    struct io_uring_probe *probe = io_uring_get_probe_ring(&kernel->uring);
    bool operations = probe && io_uring_opcode_supported(probe, IORING_OP_READ) &&
                      io_uring_opcode_supported(probe, IORING_OP_SPLICE) &&
                      io_uring_opcode_supported(probe, IORING_OP_WRITE) &&
                      io_uring_opcode_supported(probe, IORING_OP_FSYNC);
    io_uring_free_probe(probe);
    if (!operations)
        return "io_uring of this kernel cannot read, splice, write and sync";
    return (kernel->uring.features & needed) == needed ? NULL : "io_uring of this kernel is too old";
}

static int prepare_use(struct ring_kernel *kernel, const struct ring_plan *plan, char *cause, size_t size) {
    /* Splices run in unbounded workers: uncapped, there may be as many as RLIMIT_NPROC allows. */
    unsigned workers[2] = {plan->workers, plan->workers};
    const char *step = "io_uring_register";
    int error = io_uring_register_iowq_max_workers(&kernel->uring, workers);
    const char *lack = error ? NULL : missing(kernel);
    if (lack) {
        snprintf(cause, size, "%s", lack);
        return -EOPNOTSUPP;
    }
    if (!error)
        error = io_uring_register_eventfd(&kernel->uring, plan->eventfd);
    if (!error) {
        step = "madvise (dontfork)";
        error = io_uring_ring_dontfork(&kernel->uring);
    }
    if (!error)
        error = test_all(kernel, plan, &step);
    if (error)
        ring_cause(cause, size, step, error);
    else
        io_uring_register_ring_fd(&kernel->uring); /* spares a lookup per call; absent before 5.18 */
    return error;
}

int ring_kernel_open(struct ring_driver **out, const struct ring_plan *plan, char *cause, size_t cause_size) {
    struct ring_kernel *kernel = calloc(1, sizeof(*kernel));
    struct io_uring_params params;
    const char *name;
    if (!kernel) {
        ring_cause(cause, cause_size, "io_uring", -ENOMEM);
        return -ENOMEM;
    }
    int error = set_up(kernel, plan->entries, &params, &name);
    if (error) {
        ring_cause(cause, cause_size, "io_uring_setup", error);
        free(kernel);
        return error;
    }
    error = prepare_use(kernel, plan, cause, cause_size);
    if (error) {
        kernel_close(&kernel->driver);
        return error;
    }
    snprintf(kernel->summary, sizeof(kernel->summary), "io_uring %s, %u/%u entries, at most %u+%u workers",
             name, params.sq_entries, params.cq_entries, plan->workers, plan->workers);
    /* Half of the completion queue: what we have in flight can never overflow it. */
    kernel->driver = (struct ring_driver){&kernel_class, params.cq_entries / 2, kernel->summary};
    *out = &kernel->driver;
    return 0;
}

int ring_kernel_fd(const struct ring_driver *driver) {
    return ((const struct ring_kernel *)(const void *)driver)->uring.ring_fd;
}
