#include "handlers/objects/list.h"

#include "handlers/objects/walk.h"
#include "reactor/memory_body.h"
#include "reactor/slc1.h"

#include <stdlib.h>

/* A list in progress; owned by its job. */
struct listing {
    struct walk walk;
    char texts[]; /* prefix, then after */
};

static void work(struct job *job) {
    struct listing *listing = job->call.argument;
    listing->walk.cancelled = &job->cancelled;
    job->error = walk_keys(&listing->walk);
}

static void reply(struct objects *objects, struct request *request, struct walk *walk) {
    struct object_fields fields = {.size = walk->count, .count = walk->used};
    uint8_t flags = walk->more ? OBJECT_MORE : 0;
    struct body *body = NULL;
    if (walk->used > 0) { /* a client that asks for many lists and reads none is told so */
        body = memory_body_new(request, walk->keys, walk->used);
        if (!body) {
            request_fail(request, STATUS_BUSY, "no memory for the list (bytes_total); try again");
            return;
        }
        walk->keys = NULL;
    }
    objects->stats.names_skipped += walk->skipped;
    objects_latency(&objects->stats.latency_list, request);
    slc1_reply_fields(request, OBJECT_OP_LIST, flags, &fields, -1, body);
}

static void done(struct job *job) {
    struct objects *objects = job->context;
    struct listing *listing = job->call.argument;
    struct request *request = request_of_job(objects->loop, job);
    if (request && job->error)
        request_fail_errno(request, job->error);
    else if (request)
        reply(objects, request, &listing->walk);
    free(listing->walk.keys);
    free(listing);
}

static struct listing *new_listing(const struct objects *objects, const struct object_list_request *asked) {
    struct listing *listing = calloc(1, sizeof(*listing) + asked->prefix.n + asked->after.n);
    if (!listing)
        return NULL;
    char *after = listing->texts + asked->prefix.n;
    if (asked->prefix.n)
        memcpy(listing->texts, asked->prefix.p, asked->prefix.n);
    if (asked->after.n)
        memcpy(after, asked->after.p, asked->after.n);
    listing->walk.roots = &objects->roots;
    listing->walk.prefix = span_of(listing->texts, asked->prefix.n);
    listing->walk.after = span_of(after, asked->after.n);
    listing->walk.limit = asked->limit;
    return listing;
}

void list_run(struct request *request, struct span payload) {
    struct objects *objects = objects_of(request);
    struct object_list_request asked;
    const char *reason = object_list_decode(payload, &asked);
    objects->stats.requests_list++;
    if (reason) {
        request_fail(request, STATUS_BAD_REQUEST, reason);
        return;
    }
    struct job *job = offload_job(objects->loop->offload, JOB_CALL, JOB_POOL_FILES);
    struct listing *listing = job ? new_listing(objects, &asked) : NULL;
    if (!listing) {
        if (job)
            offload_release(objects->loop->offload, job);
        request_fail(request, STATUS_BUSY, "too much work in hand (queue_depth); try again");
        return;
    }
    job->call.run = work;
    job->call.argument = listing;
    request_submit(request, job, done, objects);
}
