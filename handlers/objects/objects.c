#include "handlers/objects/objects.h"

#include "handlers/objects/deliver.h"
#include "handlers/objects/fdpass.h"
#include "handlers/objects/list.h"
#include "handlers/objects/report.h"
#include "offload/clock.h"
#include "offload/filesystems.h"
#include "reactor/conn.h"
#include "reactor/slc1.h"

#include <errno.h>
#include <stdio.h>

#define KEPT_SMALL  64
#define KEPT_CHUNKS 16

static const struct setting objects_settings[] = {
#define SETTING(kind, field, initial, range, help)                                                           \
    {#field, SETTING_##kind, offsetof(struct objects_settings, field), initial, range, help},
#include "handlers/objects/options.def"
#undef SETTING
};

const struct settings_table objects_settings_table = {"objects", objects_settings,
                                                      sizeof(objects_settings) / sizeof(objects_settings[0])};

static const struct counter objects_counters[] = {
#define COUNTER(kind, field, help) {#field, COUNTER_##kind, offsetof(struct objects_stats, field), help},
#include "handlers/objects/stats.def"
#undef COUNTER
};

static void run_info(struct request *request, struct span payload);
static void run_ping(struct request *request, struct span payload);

static void register_operations(struct objects *objects) {
    const struct operation all[OBJECTS_OPERATIONS] = {
        {OBJECT_OP_FDPASS, OBJECT_SHARED, fdpass_run, objects},
        {OBJECT_OP_COPY, 0, deliver_run, objects},
        {OBJECT_OP_SPLICE, 0, deliver_run, objects},
        {OBJECT_OP_AUTO, 0, deliver_run, objects},
        {OBJECT_OP_INFO, 0, run_info, objects},
        {OBJECT_OP_LIST, 0, list_run, objects},
        {OBJECT_OP_PING, 0, run_ping, objects},
        {OBJECT_OP_STATS, 0, report_run, objects},
    };
    for (int i = 0; i < OBJECTS_OPERATIONS; i++) {
        objects->operations[i] = all[i];
        objects->loop->operations[all[i].letter] = &objects->operations[i];
    }
}

static int init_histograms(struct objects_stats *stats) {
    struct histogram *const latencies[] = {&stats->latency_fdpass, &stats->latency_copy,
                                           &stats->latency_splice, &stats->latency_list};
    int error = histogram_init(&stats->object_size, 4, UINT64_MAX >> 8);
    for (size_t i = 0; i < sizeof(latencies) / sizeof(latencies[0]) && !error; i++)
        error = histogram_init(latencies[i], 5, 60 * (uint64_t)NS_PER_S);
    return error;
}

int objects_init(struct objects *objects, struct loop *loop, const struct objects_settings *settings,
                 const struct offload_settings *offload, char *why, size_t why_size) {
    *objects = (struct objects){.loop = loop, .settings = *settings, .offload = offload};
    snprintf(why, why_size, "no memory for the object tables");
    int error = init_histograms(&objects->stats);
    if (error)
        return error;
    uint64_t total = loop->settings.bytes_total;
    uint64_t small = offload->inline_max > sizeof(void *) ? offload->inline_max : 4096;
    bufpool_init(&objects->small, small, (unsigned)(total / 4 / small) + 1, KEPT_SMALL);
    bufpool_init(&objects->chunks, offload->chunk, (unsigned)(total / offload->chunk) + 1, KEPT_CHUNKS);
    TAILQ_INIT(&objects->holders);
    TAILQ_INIT(&objects->starved);
    cache_init(&objects->shared, &loop->ledger, FD_SHARED, &loop->deadlines, (unsigned)settings->shared_max,
               settings->shared_age);
    cache_init(&objects->hot, &loop->ledger, FD_HOT, &loop->deadlines, (unsigned)settings->hot_max,
               settings->hot_age);
    objects->started = objects->sampled = loop_now(loop);
    register_operations(objects);
    loop_add_counters(loop, (struct counters_table){"objects", objects_counters,
                                                    sizeof(objects_counters) / sizeof(objects_counters[0]),
                                                    &objects->stats});
    return 0;
}

void objects_free(struct objects *objects) {
    struct objects_stats *stats = &objects->stats;
    if (!objects->loop)
        return; /* never started */
    cache_free(&objects->shared);
    cache_free(&objects->hot);
    roots_free(&objects->roots, &objects->loop->ledger);
    histogram_free(&stats->latency_fdpass);
    histogram_free(&stats->latency_copy);
    histogram_free(&stats->latency_splice);
    histogram_free(&stats->latency_list);
    histogram_free(&stats->object_size);
    bufpool_free(&objects->small);
    bufpool_free(&objects->chunks);
}

bool objects_full(const struct objects *objects) {
    const struct loop *loop = objects->loop;
    return loop->ledger.open_by_kind[FD_OBJECT] >= (uint64_t)loop->settings.open_files;
}

static void refuse_full(struct request *request) {
    request_fail(request, STATUS_FD_LIMIT, "too many objects are open (open_files)");
}

int objects_open(struct objects *objects, struct request *request, struct span key, bool hand_out,
                 void (*done)(struct job *job)) {
    struct loop *loop = objects->loop;
    struct span path;
    const struct root *root = roots_find(&objects->roots, key, &path);
    if (!root) {
        request_fail(request, STATUS_NOT_FOUND, "no such object");
        return -ENOENT;
    }
    if (objects_full(objects)) {
        refuse_full(request);
        return -EMFILE;
    }
    struct job *job = offload_job(loop->offload, JOB_OPEN, JOB_POOL_FILES);
    if (!job) {
        request_fail(request, STATUS_BUSY, "too much work in hand (queue_depth); try again");
        return -EBUSY;
    }
    job->open.root = root->fd;
    job->open.hand_out = hand_out;
    memcpy(job->open.path, path.p, path.n);
    job->open.path[path.n] = '\0';
    if (!hand_out) /* those that are handed out have bounds of their own (fdwindow.h) */
        request_hold(request);
    request_submit(request, job, done, objects);
    return 0;
}

void objects_describe(const struct stat *st, struct object_fields *fields) {
    int64_t mtime_ns = clock_of(st->st_mtim);
    uint64_t size = (uint64_t)st->st_size;
    *fields = (struct object_fields){
        .size = size,
        .count = size,
        .version = object_version(st->st_dev, st->st_ino, size, mtime_ns, clock_of(st->st_ctim)),
        .mtime_ns = mtime_ns,
    };
}

bool objects_clip(struct request *request, struct object_fields *fields) {
    fields->offset = request->offset;
    fields->count = request->count;
    if (object_clip(fields->size, fields->offset, &fields->count))
        return true;
    request_fail(request, STATUS_BAD_RANGE, "the offset is past the end of the object");
    return false;
}

void objects_enter(struct loop *loop, const struct job *job, uint64_t owner) {
    ledger_enter(&loop->ledger, job->open.fd, FD_OBJECT, owner, loop_now(loop));
    if (!(job->open.filesystem & FILESYSTEM_LOCAL))
        ledger_mark_slow(&loop->ledger, job->open.fd);
}

struct request *objects_opened(struct objects *objects, struct job *job, struct object *object) {
    struct loop *loop = objects->loop;
    struct request *request = request_of_job(loop, job);
    if (job->error) {
        if (request && job->error == -EISDIR)
            request_fail(request, STATUS_NOT_REGULAR, "not a regular file");
        else if (request)
            request_fail_errno(request, job->error);
        return NULL;
    }
    object->fd = job->open.fd;
    object->device = job->open.st.st_dev;
    object->root = job->open.root;
    object->path = job->open.path;
    bool full = objects_full(objects); /* by earlier requests that were in progress at the same time */
    objects_enter(loop, job, job->owner);
    objects_describe(&job->open.st, &object->fields);
    if (request && full)
        refuse_full(request);
    else if (request && objects_clip(request, &object->fields))
        return request;
    objects_release(objects, object);
    return NULL;
}

void objects_release(struct objects *objects, const struct object *object) {
    ledger_release(&objects->loop->ledger, object->fd);
}

void objects_latency(struct histogram *histogram, const struct request *request) {
    int64_t ns = clock_ns() - request->started_ns;
    histogram_add(histogram, ns > 0 ? (uint64_t)ns : 0);
}

static void info_done(struct job *job) {
    struct objects *objects = job->context;
    struct object object;
    struct request *request = objects_opened(objects, job, &object);
    if (!request)
        return;
    objects_release(objects, &object);
    object.fields.count = 0;
    slc1_reply_fields(request, request->op, 0, &object.fields, -1, NULL);
}

static void run_info(struct request *request, struct span payload) {
    struct objects *objects = objects_of(request);
    struct object_request asked;
    const char *reason = object_request_decode(payload, &asked);
    objects->stats.requests_info++;
    if (reason)
        request_fail(request, STATUS_BAD_REQUEST, reason);
    else
        objects_open(objects, request, asked.key, false, info_done);
}

static void run_ping(struct request *request, struct span payload) {
    struct objects *objects = objects_of(request);
    objects->stats.requests_ping++;
    slc1_reply_payload(request, payload);
}
