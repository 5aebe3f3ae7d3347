/* A worker: a process with a loop of its own and its share of the connections.
 *
 *     fork -> connect all callers -> "ready" --- the start time ---> warm-up, load -> what is under way ends -> exit
 *
 * Closed loop: a caller sends when a reply came. Open loop: a timer sends what the schedule says. Workers are
 * processes, not threads: a descriptor table of one's own makes receiving and closing descriptors cheaper,
 * and its limit holds for each. */
#ifndef SLUICE_BENCH_WORKER_H
#define SLUICE_BENCH_WORKER_H

#include "reactor/loop.h"
#include "tools/bench/caller.h"
#include "tools/bench/fdbin.h"
#include "tools/bench/schedule.h"

#define WORKER_QUIT (-1) /* instead of a start time */

struct worker {
    struct loop *loop;
    const struct plan *plan;
    struct tally *tally;
    unsigned index;
    struct caller *callers;
    struct exchange *exchanges; /* memory of the callers' flights */
    unsigned count;             /* callers */
    unsigned dialed;            /* of them: were told to connect */
    unsigned open;              /* of them: connected */
    struct picker picker;
    struct inspector inspector;
    struct fdbin bin;
    double fd_share; /* --mode mixed: what is left of a request for a descriptor */

    struct schedule schedule; /* open loop */
    uint64_t asked, left; /* requests to be sent, and what is left of them: without those of the warm-up */
    unsigned under_way;
    int64_t measure_ns, end_ns; /* requests intended between them are measured */
    int64_t alone_ns;           /* since when no connection is open */
    bool started, finished;     /* sending: has begun, is over */
    bool overtime;              /* the end has passed; what is under way, or was due, is waited for */
    bool all_due;               /* open loop: what is left is all that is due before the end */

    struct deadline_class reply_deadline, redial_deadline, backlog_deadline, dial_deadline;
    ev_prepare prepare;
    ev_io go, tick;
    ev_timer end;
    int ready; /* descriptor: a byte says that all callers have tried to connect */
};

struct worker_plan {
    const struct plan *plan;
    struct tally *tally;
    unsigned index, count; /* of how many workers */
    int go;                /* read: int64_t, CLOCK_MONOTONIC ns of the start or WORKER_QUIT */
    int ready;             /* written */
};

/* Runs the worker to its end. The process's exit status. */
int worker_run(const struct worker_plan *plan);

/* For callers: the next request of this one, if there is one by now. */
bool worker_take(struct worker *worker, struct caller *caller, int64_t now_ns, struct exchange *exchange);
/* A request has ended, well or not. */
void worker_ended(struct worker *worker, unsigned count);
/* A caller's attempt to connect ended. */
void worker_tried(struct worker *worker, struct caller *caller);
void worker_opened(struct worker *worker);
void worker_closed(struct worker *worker);
/* True when this request counts. */
static inline bool worker_measures(const struct worker *worker, int64_t intended_ns) {
    return intended_ns >= worker->measure_ns && intended_ns < worker->end_ns;
}

#endif
