/* The loop: libev, the order of a turn, and what every connection shares.
 *
 *     epoll -> check: awake, new turn
 *           -> callbacks: accept, receive, parse, run handlers (replies and jobs are only queued)
 *           -> prepare: one step of the first task (tasks.h);
 *                       repeat { reap completions -> flush dirty streams -> submit the ring }
 *                       until nothing is left, every stream has sent its share, or the turn's rounds are spent;
 *                       bury what died; close passed descriptors; sleep only if nothing is pending
 *
 * One thread owns everything here. */
#ifndef SLUICE_REACTOR_LOOP_H
#define SLUICE_REACTOR_LOOP_H

#include "offload/offload.h"
#include "proto/detect.h"
#include "proto/status.h"
#include "reactor/bufpool.h"
#include "reactor/deadlines.h"
#include "reactor/fdwindow.h"
#include "reactor/ledger.h"
#include "reactor/log.h"
#include "reactor/peers.h"
#include "reactor/settings.h"
#include "reactor/slots.h"
#include "reactor/stream.h"
#include "reactor/tasks.h"

#define LOOP_COUNTERS 16
#define LOOP_SOURCES  4

struct front;
struct http1_service;
struct operation;
struct posts;
struct listener;
struct rpc_service;

typedef void counters_take(void *to, const struct counters_table *table, const char *name,
                           const char *labels);

struct reactor_stats {
#define COUNTER(kind, field, help) COUNTER_TYPE_##kind field;
#include "reactor/stats.def"
#undef COUNTER
};

/* A family with many tables of one kind, for example one for each server: each() passes every one of them to take(),
 * with a name for people and its labels for Prometheus. */
struct counters_source {
    void *context;
    void (*each)(void *context, counters_take *take, void *to);
};

enum loop_state { LOOP_RUNNING, LOOP_DRAIN_DELAY, LOOP_DRAINING, LOOP_STOPPED };

struct loop {
    struct ev_loop *ev;
    ev_prepare prepare;
    ev_check check;
    ev_idle busy;      /* active: do not sleep, work is left over */
    ev_io completions; /* offload's eventfd */
    enum loop_state state;
    ev_signal sigterm, sigint; /* drain.h */
    ev_timer drain_timer;
    int64_t now_ns; /* CLOCK_MONOTONIC at the start of the turn */

    /* Work for the prepare hook. */
    TAILQ_HEAD(, stream) dirty, spent, dying; /* to flush; to flush in the next turn; to bury */
    unsigned dirty_count;
    struct tasks tasks; /* long work, a step a turn */

    struct reactor_settings settings;
    struct offload *offload;
    struct posts *posts; /* from other threads */
    struct log *log;     /* not owned */
    struct ledger ledger;
    struct deadlines deadlines;
    struct deadline_class detect_deadline, idle_deadline, keep_alive_deadline, request_deadline,
        unread_deadline;                                        /* read_by, of connections */
    struct deadline_class linger_deadline, read_retry_deadline; /* read_by, of streams */
    struct deadline_class send_deadline, send_retry_deadline;   /* send_by */

    /* What connections use and are bounded by. */
    LIST_HEAD(, listener) listeners;
    struct bufpool inputs, segments; /* input buffers; parts of output queues */
    struct slots conns, requests;
    uint32_t tunnels;        /* client connections that are not in conns: they belong to the gateway */
    uint32_t extra_requests; /* requests beyond the first of their connection */
    uint32_t extra_objects;  /* objects held by requests, beyond the first of their connection */
    struct peers peers;
    struct fdwindows fdwindows;

    /* Injected before the loop runs. */
    const struct front *fronts[PROTOCOL_COUNT];
    const struct operation *operations[256]; /* the object protocol's, by letter */
    struct http1_service *http;              /* not owned */
    struct rpc_service *rpc;                 /* not owned */

    struct reactor_stats stats;
    struct counters_table counters[LOOP_COUNTERS]; /* all floors' and families', for reports */
    unsigned counters_count;
    struct counters_source sources[LOOP_SOURCES];
    unsigned sources_count;
};

/* Sets up the loop; the calling thread is the loop's from now on. Both settings have been resolved. 0, or -errno with a
 * sentence in why. */
int loop_init(struct loop *loop, const struct reactor_settings *settings,
              const struct offload_settings *offload, struct log *log, char *why, size_t why_size);
/* Runs until a drain is complete. */
void loop_run(struct loop *loop);
/* After loop_run(): ends connections and the work in hand; then the handlers free their state. False: a thread or the
 * kernel still works on something and may touch its memory, so free nothing and leave by _exit(2). */
bool loop_end(struct loop *loop);
/* Last: closes and frees the rest. */
void loop_free(struct loop *loop);
/* Adds a table of counters to the statistics. */
void loop_add_counters(struct loop *loop, struct counters_table table);
/* Adds tables that come and go; each() passes those with the same title one after the other. */
void loop_add_source(struct loop *loop, struct counters_source source);
/* Called after a stream's input: if many jobs or replies are in hand, finishes those that can be finished, so that the
 * descriptors and buffers they hold do not pile up and the first replies do not wait for the rest of a long turn. */
void loop_relieve(struct loop *loop);
/* Brings the gauges up to date before the tables are read. */
void loop_sample(struct loop *loop);

/* Counts a reply. The counters replies_* are in the order of status.def, as the statuses are. */
static inline void loop_count_reply(struct loop *loop, enum status status) {
    (&loop->stats.replies_OK)[status]++;
}

/* The start of the turn in seconds, on a clock that nobody can set (CLOCK_MONOTONIC). */
static inline double loop_now(const struct loop *loop) {
    return (double)loop->now_ns * 1e-9;
}

/* The start of the turn as time of day. */
static inline time_t loop_date(const struct loop *loop) {
    return (time_t)ev_now(loop->ev);
}

#endif
