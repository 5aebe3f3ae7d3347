#include "handlers/objects/fdpass.h"

#include "reactor/conn.h"
#include "reactor/slc1.h"

#include <stdlib.h>

bool fdpass_available(const struct request *request) {
    struct conn *conn = request->conn;
    return conn->stream.is_unix && fdwindow_available(&conn->window);
}

static void reply(struct objects *objects, struct request *request, uint8_t flags, const struct object_fields *fields,
                  int fd) {
    objects_latency(objects, &objects->stats.latency_fdpass, request);
    histogram_add(&objects->stats.object_size, fields->size);
    slc1_reply_fields(request, OBJECT_OP_FDPASS, flags, fields, fd, NULL);
}

static void fresh_done(struct job *job) {
    struct objects *objects = job->context;
    struct request *request = objects_opened(objects, job);
    struct object_fields fields;
    if (!request)
        return;
    if (!objects_fields(request, &job->open.st, &fields)) {
        ledger_release(&objects->loop->ledger, job->open.fd);
        return;
    }
    objects->stats.served_fd++;
    reply(objects, request, 0, &fields, job->open.fd);
}

/* The key of a SHARED request that missed the cache, until its object is open. */
struct shared_miss {
    size_t n;
    char key[];
};

static void forget_miss(struct request *request) {
    free(request->state);
}

static void shared_done(struct job *job) {
    struct objects *objects = job->context;
    struct loop *loop = objects->loop;
    struct shared_miss *miss = NULL;
    struct request *found = request_find(loop, job->owner);
    if (found)
        miss = found->state;
    struct request *request = objects_opened(objects, job);
    struct object_fields fields;
    if (request && !objects_fields(request, &job->open.st, &fields)) {
        ledger_release(&loop->ledger, job->open.fd);
    } else if (request) {
        const struct stat *st = &job->open.st;
        struct shared_entry entry = {.size = (uint64_t)st->st_size,
                                     .version = fields.version,
                                     .mtime_ns = fields.mtime_ns};
        ledger_retag(&loop->ledger, job->open.fd, FD_SHARED);
        shared_put(&objects->shared, request->conn->peer->key.uid, span_of(miss->key, miss->n), job->open.fd, &entry,
                   loop_now(loop));
        objects->stats.served_shared++;
        reply(objects, request, OBJECT_SHARED, &fields, job->open.fd);
    }
    free(miss);
}

static void open_shared(struct objects *objects, struct request *request, struct span key) {
    struct shared_miss *miss = malloc(sizeof(*miss) + key.n);
    objects->stats.shared_misses++;
    if (!miss) {
        request_fail(request, STATUS_BUSY, "no memory; try again");
        return;
    }
    miss->n = key.n;
    memcpy(miss->key, key.p, key.n);
    request->state = miss;
    request->cleanup = forget_miss;
    if (objects_open(objects, request, key, true, shared_done) != 0)
        free(miss);
}

static void run_shared(struct objects *objects, struct request *request, struct span key) {
    struct loop *loop = objects->loop;
    uint32_t uid = request->conn->peer->key.uid;
    const struct shared_entry *entry = shared_find(&objects->shared, uid, key, loop_now(loop));
    if (!entry) {
        open_shared(objects, request, key);
        return;
    }
    struct object_fields fields = {.size = entry->size,
                                   .offset = request->offset,
                                   .count = request->count,
                                   .version = entry->version,
                                   .mtime_ns = entry->mtime_ns};
    objects->stats.shared_hits++;
    if (!object_clip(fields.size, fields.offset, &fields.count)) {
        request_fail(request, STATUS_BAD_RANGE, "the offset is past the end of the object");
        return;
    }
    objects->stats.served_shared++;
    ledger_hold(&loop->ledger, entry->fd);
    reply(objects, request, OBJECT_SHARED, &fields, entry->fd);
}

void fdpass_run(struct request *request, struct span payload) {
    struct objects *objects = request_loop(request)->operations[request->op]->context;
    struct object_request asked;
    const char *reason = object_request_decode(payload, &asked);
    objects->stats.requests_fdpass++;
    request->offset = asked.offset;
    request->count = asked.count;
    if (!request->conn->stream.is_unix)
        request_fail(request, STATUS_UNSUPPORTED, "descriptors pass over Unix sockets only");
    else if (reason)
        request_fail(request, STATUS_BAD_REQUEST, reason);
    else if (!fdpass_available(request))
        request_fail(request, STATUS_FD_LIMIT, "too many descriptors in flight; receive some first");
    else if (request->flags & OBJECT_SHARED && objects->settings.shared_max > 0)
        run_shared(objects, request, asked.key);
    else
        objects_open(objects, request, asked.key, true, fresh_done);
}
