/* Ingestion: metrics that services post are in a log before they are acknowledged.
 *
 *     POST -> endpoint -> intake.c: Idempotency-Key, limits -> decode, validate (here or in a worker) -> series cap
 *          -> journal.c: queue -> group -> write + sync -> intake.c: answer, series.c: latest values
 *     statsd datagrams -> statsd_listener.c -> journal.c
 *     journal.c: written -> forward.c: a thread -> broker
 *     GET /metrics -> exposition.c                  DIR/0000000042.log -> sluice log, the next start (recover.c) */
#ifndef SLUICE_HANDLERS_INGEST_INGEST_H
#define SLUICE_HANDLERS_INGEST_INGEST_H

#include "handlers/ingest/decode.h"
#include "handlers/ingest/forward.h"
#include "handlers/ingest/idempotency.h"
#include "handlers/ingest/journal.h"
#include "handlers/ingest/limiter.h"
#include "handlers/ingest/series.h"
#include "handlers/ingest/statsd_sets.h"
#include "reactor/http1_front.h"

#include <sys/queue.h>

struct ingest;
struct statsd_listener;

/* A path and what answers it. */
struct ingest_endpoint {
    struct http_handler handler; /* its context is this struct */
    struct ingest *ingest;
    const char *path;
    const struct ingest_format *format;   /* of what is posted */
    const struct ingest_format *protobuf; /* of application/x-protobuf; NULL: the type is ignored */
    void (*get)(struct ingest *ingest, struct request *request); /* answers GET and HEAD; NULL: 405 */
};

/* A route that sets another ack for the endpoints that it matches. */
struct ingest_route {
    struct http_handler handler; /* its context is this struct */
    SLIST_ENTRY(ingest_route) link;
    struct ingest *ingest;
    int ack; /* ACK_* */
};

#define INGEST_ENDPOINTS 8
#define INGEST_STATSD    8

struct ingest {
    struct loop *loop;
    const struct ingest_settings *settings;    /* not owned */
    const struct forward_settings *forwarding; /* not owned */
    struct ingest_stats stats;
    struct journal journal;
    struct forward *forward;
    struct limiter limiter;
    struct idempotency idempotency;
    struct series_table series;
    struct deadline_class stale_class;
    struct deadline stale;
    struct task stale_task;
    struct ingest_endpoint endpoints[INGEST_ENDPOINTS]; /* to be registered by whoever sets up routes */
    size_t endpoints_count;
    SLIST_HEAD(, ingest_route) routes;
    struct statsd_listener *statsd[INGEST_STATSD];
    size_t statsd_count;
    struct statsd_sets sets; /* of all of them */
    struct deadline_class flush_class;
    struct deadline flush; /* the end of their interval */
};

/* Recovers the log and starts; forwarding: NULL: none. 0, or -errno with a reason. Blocks while it reads the log. */
int ingest_init(struct ingest *ingest, struct loop *loop, const struct ingest_settings *settings,
                const struct forward_settings *forwarding, char *why, size_t why_size);
/* A handler for a route whose batches are promised ack; body_limit 0: the section's. NULL without memory. */
const struct http_handler *ingest_route_new(struct ingest *ingest, int ack, uint64_t body_limit);
/* After loop_end(). May also be called for one that never started. */
void ingest_free(struct ingest *ingest);
/* Instead, if loop_end() returned false: only writes to the log what was acknowledged from memory. */
void ingest_leave(struct ingest *ingest);
/* Takes up to `most` encoded samples, which are in the log, off *samples and makes them the latest of their series. */
void ingest_apply(struct ingest *ingest, struct span *samples, unsigned most);
/* One word that says why nothing can be taken now, or NULL. */
const char *ingest_trouble(const struct ingest *ingest);

#endif
