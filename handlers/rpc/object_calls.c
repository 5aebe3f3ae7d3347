#include "handlers/rpc/object_calls.h"

#include "handlers/objects/walk.h"
#include "proto/utf8.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define BUFFERED_MAX (64u << 20) /* bytes of objects being read at once */

/* A call's access to an object; belongs to its job, and is freed by the step that ends it. */
struct object_access {
    struct object_calls *calls;
    object_opened_fn *opened; /* NULL: read, then */
    object_read_fn *done;
    uint64_t offset, count; /* as asked */
    struct object_bytes result;
    int fd;            /* -1: not ours (any more) */
    uint64_t reserved; /* of calls->buffered */
    char *buffer;
    size_t key_n;
    char key[];
};

static void end_access(struct object_access *access) {
    struct object_calls *calls = access->calls;
    calls->buffered -= access->reserved;
    if (access->fd >= 0)
        ledger_release(&calls->rpc->loop->ledger, access->fd);
    free(access->buffer);
    free(access);
}

static void complain_about_key(struct rpc_call *call, const char *reason) {
    struct rpc_complaint complaint = {.path = "/key"};
    snprintf(complaint.reason, sizeof(complaint.reason), "%s", reason);
    rpc_complain(call, &complaint);
}

/* ---- reading ------------------------------------------------------------------------------------- */

/* Determines the range, and allocates a buffer for it. False: the call was answered. */
static bool prepare(struct rpc_call *call, struct object_access *access, const struct stat *st) {
    struct object_calls *calls = access->calls;
    struct object_fields *fields = &access->result.fields;
    uint64_t most = calls->rpc->settings.rpc_read;
    objects_describe(st, fields);
    fields->offset = access->offset;
    fields->count = access->count;
    if (!object_clip(fields->size, fields->offset, &fields->count)) {
        rpc_fail(call, STATUS_BAD_RANGE, "the offset is past the end of the object");
        return false;
    }
    access->result.more = fields->count > most;
    if (access->result.more)
        fields->count = most;
    if (calls->buffered + fields->count <= BUFFERED_MAX)
        access->buffer = malloc(fields->count ? fields->count : 1);
    if (!access->buffer) {
        rpc_fail(call, STATUS_BUSY, "too many bytes in hand; try again");
        return false;
    }
    access->reserved = fields->count;
    calls->buffered += fields->count;
    return true;
}

static void deliver(struct rpc_call *call, struct object_access *access) {
    access->result.calls = access->calls;
    access->result.key = span_of(access->key, access->key_n);
    access->result.bytes = access->buffer;
    access->done(call, &access->result);
}

static void read_done(struct job *job) {
    struct rpc_call *call = rpc_call_of_job(job);
    struct object_access *access = job->extra;
    if (job->error)
        rpc_fail_errno(call, job->error);
    else if (job->read.got < job->read.want)
        rpc_fail(call, STATUS_IO, "the object shrank while it was read");
    else
        deliver(call, access);
    end_access(access);
}

/* Continues reading. True: a job was submitted for that. */
static bool read_on(struct rpc_call *call, struct object_access *access, const struct stat *st) {
    if (!prepare(call, access, st))
        return false;
    if (access->result.fields.count == 0) {
        deliver(call, access);
        return false;
    }
    struct job *job = rpc_job(call, JOB_READ, JOB_POOL_FILES);
    if (!job)
        return false;
    job->extra = access;
    job->read.fd = access->fd;
    job->read.device = st->st_dev;
    job->read.offset = access->result.fields.offset;
    job->read.want = (size_t)access->result.fields.count;
    job->read.buffer = access->buffer;
    rpc_submit(call, job, read_done);
    return true;
}

/* ---- opening ------------------------------------------------------------------------------------- */

static void refuse_full(struct rpc_call *call) {
    rpc_fail(call, STATUS_FD_LIMIT, "too many objects are open (open_files)");
}

static void open_done(struct job *job) {
    struct rpc_call *call = rpc_call_of_job(job);
    struct object_access *access = job->extra;
    struct loop *loop = access->calls->rpc->loop;
    if (job->error == -EISDIR) {
        rpc_fail(call, STATUS_NOT_REGULAR, "not a regular file");
    } else if (job->error) {
        rpc_fail_errno(call, job->error);
    } else {
        bool full = objects_full(access->calls->objects);
        access->fd = job->open.fd;
        objects_enter(loop, job, 0);
        if (full)
            refuse_full(call);
        else if (!access->opened && read_on(call, access, &job->open.st))
            return;
        else if (access->opened) {
            struct object_opened opened = {access->calls, access->fd, job->open.st,
                                           span_of(access->key, access->key_n)};
            access->fd = -1;
            access->opened(call, &opened);
        }
    }
    end_access(access);
}

static struct object_access *new_access(struct object_calls *calls, struct span key) {
    struct object_access *access = calloc(1, sizeof(*access) + key.n);
    if (!access)
        return NULL;
    access->calls = calls;
    access->fd = -1;
    access->key_n = key.n;
    memcpy(access->key, key.p, key.n);
    return access;
}

/* Submits the open job; takes over access. */
static void start(struct rpc_call *call, struct object_access *access, bool hand_out) {
    struct span path;
    const struct root *root =
        roots_find(&access->calls->objects->roots, span_of(access->key, access->key_n), &path);
    struct job *job = NULL;
    if (!root)
        rpc_fail(call, STATUS_NOT_FOUND, "no such object");
    else if (objects_full(access->calls->objects))
        refuse_full(call);
    else
        job = rpc_job(call, JOB_OPEN, JOB_POOL_FILES);
    if (!job) {
        end_access(access);
        return;
    }
    job->extra = access;
    job->open.root = root->fd;
    job->open.hand_out = hand_out;
    memcpy(job->open.path, path.p, path.n);
    job->open.path[path.n] = '\0';
    rpc_submit(call, job, open_done);
}

/* NULL: the call was answered. */
static struct object_access *begin(struct object_calls *calls, struct rpc_call *call, struct span key) {
    const char *reason = object_key_check(key);
    struct object_access *access = reason ? NULL : new_access(calls, key);
    if (reason)
        complain_about_key(call, reason);
    else if (!access)
        rpc_fail(call, STATUS_BUSY, "no memory; try again");
    return access;
}

void object_open(struct object_calls *calls, struct rpc_call *call, struct span key, bool hand_out,
                 object_opened_fn *opened) {
    struct object_access *access = begin(calls, call, key);
    if (!access)
        return;
    access->opened = opened;
    start(call, access, hand_out);
}

void object_read(struct object_calls *calls, struct rpc_call *call, struct span key, uint64_t offset,
                 uint64_t count, object_read_fn *done) {
    struct object_access *access = begin(calls, call, key);
    if (!access)
        return;
    access->done = done;
    access->offset = offset;
    access->count = count;
    start(call, access, false);
}

/* ---- lists --------------------------------------------------------------------------------------- */

/* A list in progress; belongs to its job. */
struct listing {
    struct walk walk;
    object_listed_fn *done;
    char texts[]; /* prefix, then after */
};

static void walk_in_thread(struct job *job) {
    struct listing *listing = job->call.argument;
    listing->walk.cancelled = &job->cancelled;
    job->error = walk_keys(&listing->walk);
}

static void list_done(struct job *job) {
    struct rpc_call *call = rpc_call_of_job(job);
    struct listing *listing = job->call.argument;
    const struct walk *walk = &listing->walk;
    struct object_keys list = {walk->keys, walk->used, walk->count, walk->more};
    if (job->error)
        rpc_fail_errno(call, job->error);
    else
        listing->done(call, &list);
    free(listing->walk.keys);
    free(listing);
}

void object_list(struct object_calls *calls, struct rpc_call *call, const char *prefix, const char *after,
                 uint64_t limit, object_listed_fn *done) {
    size_t prefix_n = strlen(prefix), after_n = strlen(after);
    struct listing *listing = calloc(1, sizeof(*listing) + prefix_n + after_n);
    struct job *job = listing ? rpc_job(call, JOB_CALL, JOB_POOL_FILES) : NULL;
    if (!listing)
        rpc_fail(call, STATUS_BUSY, "no memory for the list; try again");
    if (!job) {
        free(listing);
        return;
    }
    memcpy(listing->texts, prefix, prefix_n);
    memcpy(listing->texts + prefix_n, after, after_n);
    listing->walk.roots = &calls->objects->roots;
    listing->walk.prefix = span_of(listing->texts, prefix_n);
    listing->walk.after = span_of(listing->texts + prefix_n, after_n);
    listing->walk.limit = limit;
    listing->done = done;
    job->call.run = walk_in_thread;
    job->call.argument = listing;
    rpc_submit(call, job, list_done);
}

bool object_keys_next(struct span *rest, struct span *key) {
    const char *newline = rest->n ? memchr(rest->p, '\n', rest->n) : NULL;
    if (!newline)
        return false;
    *key = span_of(rest->p, (size_t)(newline - rest->p));
    *rest = span_of(newline + 1, rest->n - key->n - 1);
    return true;
}

void object_keys_add(struct text *out, const struct object_keys *list) {
    struct span rest = span_of(list->keys, list->n), key;
    for (bool first = true; object_keys_next(&rest, &key); first = false) {
        if (!first)
            text_add_constant(out, ",");
        text_add_quoted(out, key);
    }
}

/* ---- bytes as text ------------------------------------------------------------------------------- */

ssize_t object_text(struct span bytes, bool cut) {
    size_t i = 0;
    while (i < bytes.n) {
        int n = bytes.p[i] ? utf8_step(bytes.p + i, bytes.n - i) : -1;
        if (n < 0 || (n == 0 && (!cut || i == 0)))
            return -1;
        if (n == 0)
            break;
        i += (size_t)n;
    }
    return (ssize_t)i;
}

const char *object_type(const struct object_calls *calls, struct span key) {
    return mime_type_of(calls->mime, key);
}
