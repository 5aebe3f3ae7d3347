#include "handlers/objects/fdpass.h"

#include "reactor/conn.h"
#include "reactor/slc1.h"

#include <fcntl.h>
#include <stdlib.h>

bool fdpass_available(const struct request *request) {
    struct conn *conn = request->conn;
    return conn->stream.is_unix && fdwindow_available(&conn->window);
}

int fdpass_prepare(int fd) {
    int flags = fcntl(fd, F_GETFL);
    if (flags >= 0 && flags & O_NONBLOCK)
        fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
    return fd;
}

static void refuse(struct request *request) {
    request_fail(request, STATUS_FD_LIMIT, "too many descriptors in flight; receive some first");
}

static void refused(struct request *request, struct span message, int fd) {
    struct objects *objects = objects_of(request);
    bool shared = request->flags & OBJECT_SHARED && objects->settings.shared_max > 0;
    (void)message;
    (*(shared ? &objects->stats.served_shared : &objects->stats.served_fd))--;
    ledger_release(&objects->loop->ledger, fd);
    refuse(request);
}

/* Checks the budget again: requests of the same turn may have used up what was left when this one came. */
static void reply(struct objects *objects, struct request *request, uint8_t flags,
                  const struct object_fields *fields, int fd) {
    if (!fdpass_available(request)) {
        ledger_release(&objects->loop->ledger, fd);
        refuse(request);
        return;
    }
    (*(flags & OBJECT_SHARED ? &objects->stats.served_shared : &objects->stats.served_fd))++;
    objects_latency(&objects->stats.latency_fdpass, request);
    histogram_add(&objects->stats.object_size, fields->size);
    request->refused = refused;
    slc1_reply_fields(request, OBJECT_OP_FDPASS, flags, fields, fd, NULL);
}

static void fresh_done(struct job *job) {
    struct objects *objects = job->context;
    struct object object;
    struct request *request = objects_opened(objects, job, &object);
    if (!request)
        return;
    reply(objects, request, 0, &object.fields, object.fd);
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
    struct request *found = request_find(loop, job->owner);
    struct shared_miss *miss = found ? found->state : NULL;
    struct object object;
    struct request *request = objects_opened(objects, job, &object);
    if (request) {
        cache_put(&objects->shared, request->conn->peer->key.uid, span_of(miss->key, miss->n), &object,
                  span_of(NULL, 0));
        reply(objects, request, OBJECT_SHARED, &object.fields, object.fd);
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
    const struct cached *entry = cache_find(&objects->shared, uid, key);
    if (!entry) {
        open_shared(objects, request, key);
        return;
    }
    struct object_fields fields = entry->object.fields;
    objects->stats.shared_hits++;
    if (!objects_clip(request, &fields))
        return;
    ledger_hold(&loop->ledger, entry->object.fd);
    reply(objects, request, OBJECT_SHARED, &fields, entry->object.fd);
}

void fdpass_run(struct request *request, struct span payload) {
    struct objects *objects = objects_of(request);
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
        refuse(request);
    else if (request->flags & OBJECT_SHARED && objects->settings.shared_max > 0)
        run_shared(objects, request, asked.key);
    else
        objects_open(objects, request, asked.key, true, fresh_done);
}
