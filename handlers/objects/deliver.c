#include "handlers/objects/deliver.h"

#include "handlers/objects/fdpass.h"
#include "handlers/objects/transfer.h"
#include "reactor/conn.h"
#include "reactor/slc1.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

/* Fits into the segment that carries its head: one buffer, one send, replies of a pipeline together. */
#define SHORT_MAX 3072u

/* A short object: its fields wait here while its bytes are read. */
struct short_read {
    struct object_fields fields;
    uint8_t op;
    int fd;
    char bytes[SHORT_MAX];
};

static void short_done(struct job *job) {
    struct objects *objects = job->context;
    struct short_read *read = job->extra;
    struct request *request = request_of_job(objects->loop, job);
    ledger_release(&objects->loop->ledger, read->fd);
    if (request && job->error) {
        request_fail_errno(request, job->error);
    } else if (request && job->read.got < read->fields.count) {
        request_fail(request, STATUS_IO, "the object shrank while it was read");
    } else if (request) {
        objects->stats.bytes_copy += job->read.got;
        objects_latency(objects, &objects->stats.latency_copy, request);
        slc1_reply_bytes(request, read->op, 0, &read->fields, span_of(read->bytes, job->read.got));
    }
    free(read);
}

/* Reads a short object and answers with head and bytes at once. */
static int read_short(struct objects *objects, struct request *request, uint8_t op, int fd,
                      const struct object_fields *fields) {
    struct job *job = offload_job(objects->loop->offload, JOB_READ);
    struct short_read *read = job ? malloc(sizeof(*read)) : NULL;
    if (!read) {
        if (job)
            offload_release(objects->loop->offload, job);
        return -EBUSY;
    }
    read->fields = *fields;
    read->op = op;
    read->fd = fd;
    job->extra = read;
    job->read.fd = fd;
    job->read.offset = fields->offset;
    job->read.want = fields->count;
    job->read.buffer = read->bytes;
    request_submit(request, job, short_done, objects);
    return 0;
}

static void answer_bytes(struct objects *objects, struct request *request, uint8_t op, enum transfer_mode mode, int fd,
                         const struct object_fields *fields) {
    int error = 0;
    histogram_add(&objects->stats.object_size, fields->size);
    if (mode == TRANSFER_COPY)
        objects->stats.served_copy++;
    if (fields->count == 0) {
        ledger_release(&objects->loop->ledger, fd);
        slc1_reply_fields(request, op, 0, fields, -1, NULL);
    } else if (fields->count <= SHORT_MAX && mode == TRANSFER_COPY) {
        error = read_short(objects, request, op, fd, fields);
    } else {
        struct body *body = transfer_new(objects, request, mode, fd, fields->offset, fields->count);
        if (body)
            slc1_reply_fields(request, op, 0, fields, -1, body);
        else
            error = -ENOMEM;
    }
    if (error) {
        ledger_release(&objects->loop->ledger, fd);
        request_fail(request, STATUS_BUSY, "too much work in hand; try again");
    }
}

/* A passed descriptor must not be non-blocking at the client. */
static void clear_nonblock(int fd) {
    int flags = fcntl(fd, F_GETFL);
    if (flags >= 0 && flags & O_NONBLOCK)
        fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
}

/* Over Unix: short ones inline, a descriptor above; over TCP the kernel's ways from where they pay. */
static void answer_auto(struct objects *objects, struct request *request, int fd, const struct object_fields *fields) {
    bool is_unix = request->conn->stream.is_unix;
    bool inlined = fields->count <= objects->offload->inline_max;
    if (is_unix && !inlined && fdpass_available(request)) {
        clear_nonblock(fd);
        objects->stats.served_fd++;
        objects_latency(objects, &objects->stats.latency_fdpass, request);
        histogram_add(&objects->stats.object_size, fields->size);
        slc1_reply_fields(request, OBJECT_OP_FDPASS, 0, fields, fd, NULL);
        return;
    }
    if (is_unix && !inlined)
        objects->stats.auto_without_fd++;
    bool kernel = !is_unix && objects->settings.sendfile && fields->count >= objects->settings.sendfile_min;
    answer_bytes(objects, request, kernel ? OBJECT_OP_SPLICE : OBJECT_OP_COPY,
                 kernel ? TRANSFER_SENDFILE : TRANSFER_COPY, fd, fields);
}

static void opened(struct job *job) {
    struct objects *objects = job->context;
    struct request *request = objects_opened(objects, job);
    struct object_fields fields;
    if (!request)
        return;
    int fd = job->open.fd;
    if (!objects_fields(request, &job->open.st, &fields)) {
        ledger_release(&objects->loop->ledger, fd);
    } else if (request->op == OBJECT_OP_AUTO) {
        answer_auto(objects, request, fd, &fields);
    } else if (request->op == OBJECT_OP_SPLICE && fields.count >= objects->offload->splice_min) {
        answer_bytes(objects, request, OBJECT_OP_SPLICE, TRANSFER_SPLICE, fd, &fields);
    } else {
        objects->stats.splice_as_copy += request->op == OBJECT_OP_SPLICE;
        answer_bytes(objects, request, request->op, TRANSFER_COPY, fd, &fields);
    }
}

void deliver_run(struct request *request, struct span payload) {
    struct objects *objects = request_loop(request)->operations[request->op]->context;
    struct object_request asked;
    const char *reason = object_request_decode(payload, &asked);
    struct objects_stats *stats = &objects->stats;
    (*(request->op == OBJECT_OP_COPY     ? &stats->requests_copy
       : request->op == OBJECT_OP_SPLICE ? &stats->requests_splice
                                         : &stats->requests_auto))++;
    if (reason) {
        request_fail(request, STATUS_BAD_REQUEST, reason);
        return;
    }
    request->offset = asked.offset;
    request->count = asked.count;
    objects_open(objects, request, asked.key, false, opened);
}
