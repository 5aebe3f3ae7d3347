/* The parent's side of the workers: starts them, lets them begin together, samples while they run.
 *
 *     fork N -> all are ready -> a moment -> start time to all -> [warm-up][ measurement ]   -> all have ended -> merge
 *                                                                 ^ sample ^ ... each second ^ sample */
#ifndef SLUICE_BENCH_CREW_H
#define SLUICE_BENCH_CREW_H

#include "tools/bench/plan.h"
#include "tools/bench/procstat.h"
#include "tools/bench/tally.h"

#include <sys/types.h>

/* The state of things at one moment. */
struct sample {
    int64_t at_ns;
    uint64_t replies;
    bool has_server; /* --pid, and it is there */
    struct procstat server;
};

struct outcome {
    struct tally *total;      /* of all workers; owned */
    struct sample begin, end; /* of the measurement */
    int64_t start_ns;
    double own_cpu_s; /* of all workers */
};

/* Told about once a second and at the end of the measurement: what all workers have counted so far, and the
 * seconds since it began. */
typedef void crew_watch(void *context, const struct tally *so_far, double elapsed_s);

/* Runs the load. 0 or -errno with a sentence in why. */
int crew_run(const struct plan *plan, crew_watch *watch, void *context, struct outcome *outcome, char *why,
             size_t why_size);

#endif
