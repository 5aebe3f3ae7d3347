#include "handlers/objects/deliver.h"

#include "handlers/objects/fdpass.h"
#include "handlers/objects/short_read.h"
#include "handlers/objects/transfer.h"
#include "proto/frame.h"
#include "reactor/conn.h"
#include "reactor/slc1.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

static void short_done(struct request *request, const struct short_read *read) {
    struct objects *objects = read->objects;
    objects_latency(&objects->stats.latency_copy, request);
    slc1_reply_bytes(request, read->mark, 0, &read->object.fields, short_read_bytes(read));
}

static void answer_bytes(struct objects *objects, struct request *request, uint8_t op,
                         enum transfer_mode mode, const struct object *object) {
    int error = 0;
    histogram_add(&objects->stats.object_size, object->fields.size);
    if (object->fields.count == 0) {
        objects->stats.served_copy++;
        objects_latency(&objects->stats.latency_copy, request);
        objects_release(objects, object);
        slc1_reply_fields(request, op, 0, &object->fields, -1, NULL);
    } else if (object->fields.count <= SHORT_READ_MAX && mode == TRANSFER_COPY) {
        error = short_read_start(objects, request, object, op, short_done);
    } else {
        struct body *body = transfer_new(objects, request, mode, object);
        if (body)
            slc1_reply_fields(request, op, 0, &object->fields, -1, body);
        else
            error = -ENOMEM;
    }
    if (error) {
        objects_release(objects, object);
        request_fail(request, STATUS_BUSY, "too much work in hand; try again");
    }
}

/* request->refused of an A: copies the object instead, by a transfer even if it is short, since the answer is due
 * now. */
static void copy_refused(struct request *request, struct span message, int fd) {
    struct objects *objects = objects_of(request);
    struct object object = {.fd = fd};
    struct statx at;
    object_fields_decode(message.p + FRAME_HEADER, &object.fields);
    if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, 0, &at) == 0)
        object.device = makedev(at.stx_dev_major, at.stx_dev_minor);
    objects->stats.served_fd--;
    objects->stats.auto_without_fd++;
    struct body *body = transfer_new(objects, request, TRANSFER_COPY, &object);
    if (!body) {
        objects_release(objects, &object);
        request_fail(request, STATUS_BUSY, "too much work in hand; try again");
        return;
    }
    slc1_reply_fields(request, OBJECT_OP_COPY, 0, &object.fields, -1, body);
}

/* Is sendfile allowed, and would it pay? The same rule as for HTTP. */
static bool sendfile_pays(const struct objects *objects, const struct request *request,
                          const struct object *object) {
    return !request->conn->stream.is_unix && objects->settings.sendfile &&
           object->fields.count >= objects->settings.sendfile_min;
}

/* offload = always reads every byte, to show what that costs. */
static enum transfer_mode copy_mode(const struct objects *objects, const struct request *request,
                                    const struct object *object) {
    bool kernel = objects->offload->offload == OFFLOAD_AUTO && sendfile_pays(objects, request, object);
    return kernel ? TRANSFER_SENDFILE : TRANSFER_COPY;
}

/* Over Unix: short objects inline, a descriptor for longer ones; over TCP sendfile or splice where they pay. */
static void answer_auto(struct objects *objects, struct request *request, const struct object *object) {
    bool is_unix = request->conn->stream.is_unix;
    bool inlined = object->fields.count <= objects->offload->inline_max;
    if (is_unix && !inlined && fdpass_available(request)) {
        objects->stats.served_fd++;
        objects_latency(&objects->stats.latency_fdpass, request);
        histogram_add(&objects->stats.object_size, object->fields.size);
        request->refused = copy_refused;
        slc1_reply_fields(request, OBJECT_OP_FDPASS, 0, &object->fields, fdpass_prepare(object->fd), NULL);
        return;
    }
    if (is_unix && !inlined)
        objects->stats.auto_without_fd++;
    bool kernel = sendfile_pays(objects, request, object);
    answer_bytes(objects, request, kernel ? OBJECT_OP_SPLICE : OBJECT_OP_COPY,
                 kernel ? TRANSFER_SENDFILE : TRANSFER_COPY, object);
}

/* A short object from memory: delivered as C whatever was asked for; the reply has the op of the request. */
static void answer_short(struct objects *objects, struct request *request, const struct cached *hot) {
    struct object_fields fields = hot->object.fields;
    if (!objects_clip(request, &fields))
        return;
    uint8_t op = request->op == OBJECT_OP_AUTO ? OBJECT_OP_COPY : request->op;
    objects->stats.splice_as_copy += op == OBJECT_OP_SPLICE;
    objects->stats.served_copy++;
    objects->stats.bytes_copy += fields.count;
    histogram_add(&objects->stats.object_size, fields.size);
    objects_latency(&objects->stats.latency_copy, request);
    slc1_reply_bytes(request, op, 0, &fields,
                     span_of(cached_bytes(hot).p + fields.offset, (size_t)fields.count));
}

static void answer(struct objects *objects, struct request *request, const struct object *object) {
    if (request->op == OBJECT_OP_AUTO) {
        answer_auto(objects, request, object);
    } else if (request->op == OBJECT_OP_SPLICE && object->fields.count >= objects->offload->splice_min) {
        answer_bytes(objects, request, OBJECT_OP_SPLICE, TRANSFER_SPLICE, object);
    } else {
        objects->stats.splice_as_copy += request->op == OBJECT_OP_SPLICE;
        answer_bytes(objects, request, request->op, copy_mode(objects, request, object), object);
    }
}

static void opened(struct job *job) {
    struct objects *objects = job->context;
    struct object object;
    struct request *request = objects_opened(objects, job, &object);
    if (request)
        answer(objects, request, &object);
}

/* Answers from an object that is kept open. False: A may pass a descriptor, which must be a fresh one. */
static bool answer_hot(struct objects *objects, struct request *request, const struct cached *hot) {
    struct object object;
    uint64_t size = hot->object.fields.size;
    bool may_pass = request->op == OBJECT_OP_AUTO && request->conn->stream.is_unix;
    bool spliced = request->op == OBJECT_OP_SPLICE && size >= objects->offload->splice_min;
    if (may_pass && size > objects->offload->inline_max)
        return false;
    if (hot_is_short(hot) && !spliced) {
        answer_short(objects, request, hot);
        return true;
    }
    hot_take(objects, hot, &object);
    if (objects_clip(request, &object.fields))
        answer(objects, request, &object);
    else
        objects_release(objects, &object);
    return true;
}

void deliver_run(struct request *request, struct span payload) {
    struct objects *objects = objects_of(request);
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
    const struct cached *hot = hot_find(objects, asked.key);
    if (!hot || !answer_hot(objects, request, hot))
        objects_open(objects, request, asked.key, false, opened);
}
