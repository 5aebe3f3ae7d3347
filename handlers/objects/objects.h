/* The object family: names below roots, delivered as descriptors or bytes.
 *
 *     F C S A I L (slc1) -> key -> roots -> open job -> fstat -> descriptor            fdpass.c
 *     GET /objects/KEY                                        -> bytes: transfer body  deliver.c, transfer.c
 *
 * objects.c sets up; each other file is one step of that path. */
#ifndef SLUICE_HANDLERS_OBJECTS_OBJECTS_H
#define SLUICE_HANDLERS_OBJECTS_OBJECTS_H

#include "handlers/objects/cache.h"
#include "handlers/objects/hot.h"
#include "handlers/objects/resident.h"
#include "handlers/objects/roots.h"
#include "offload/declare.h"
#include "proto/object.h"
#include "reactor/bufpool.h"
#include "reactor/loop.h"
#include "reactor/operation.h"
#include "reactor/request.h"

struct transfer;

struct objects_settings {
#define SETTING(kind, field, initial, range, help) SETTING_TYPE_##kind field;
#include "handlers/objects/options.def"
#undef SETTING
};

struct objects_stats {
#define COUNTER(kind, field, help) COUNTER_TYPE_##kind field;
#include "handlers/objects/stats.def"
#undef COUNTER
};

extern const struct settings_table objects_settings_table;

#define OBJECTS_OPERATIONS 8

struct objects {
    struct loop *loop;
    struct objects_settings settings;
    const struct offload_settings *offload;
    struct roots roots;
    struct cache shared, hot;
    uint32_t seen[HOT_SEEN];  /* for hot: versions of objects that were sent once */
    struct resident resident; /* ranges that sendfile may send */
    struct objects_stats stats;
    struct bufpool small, chunks;   /* body buffers: inline_max and chunk bytes */
    TAILQ_HEAD(, transfer) holders; /* transfers that hold unsent bytes, the oldest first */
    TAILQ_HEAD(, transfer) starved; /* transfers that found no buffer, in order */
    struct operation operations[OBJECTS_OPERATIONS];
    double started; /* for rates: when this process started, and the last sample */
    double sampled;
    struct objects_stats last;
};

/* Registers operations and counters with the loop; roots are added afterwards (roots_add()). loop and offload must stay
 * valid. 0, or -errno with a reason. */
int objects_init(struct objects *objects, struct loop *loop, const struct objects_settings *settings,
                 const struct offload_settings *offload, char *why, size_t why_size);
/* After loop_end(): closes cached descriptions and roots, frees the rest. */
void objects_free(struct objects *objects);

/* The family of a request of the object protocol. */
static inline struct objects *objects_of(const struct request *request) {
    return request_loop(request)->operations[request->op]->context;
}

/* The fields of a file, for the whole of it. */
void objects_describe(const struct stat *st, struct object_fields *fields);
/* True if no further object may be opened for now: the answer is FD_LIMIT. */
bool objects_full(const struct objects *objects);
/* Submits a job that opens key for a request. hand_out: the descriptor is for the client. 0, or -errno, and then the
 * request was answered with an error. */
int objects_open(struct objects *objects, struct request *request, struct span key, bool hand_out,
                 void (*done)(struct job *job));
/* Enters the descriptor of a successful open job in the ledger. owner: see ledger.h. */
void objects_enter(struct loop *loop, const struct job *job, uint64_t owner);
/* For an open job's done(): enters its descriptor in the ledger, clips the request's range and answers errors. Returns
 * the request, with *object filled in, or NULL: nothing is left to do. */
struct request *objects_opened(struct objects *objects, struct job *job, struct object *object);
/* Puts the request's range, clipped, into the fields of an object. False: the request was answered with BAD_RANGE. */
bool objects_clip(struct request *request, struct object_fields *fields);
/* Releases an object, which is closed at the end of the turn. */
void objects_release(struct objects *objects, const struct object *object);
/* Adds the time since a request was parsed to a histogram. */
void objects_latency(struct histogram *histogram, const struct request *request);

#endif
