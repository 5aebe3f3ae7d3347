/* What a run came to, in numbers for people: from the outcome, for text and JSON alike. */
#ifndef SLUICE_BENCH_SUMMARY_H
#define SLUICE_BENCH_SUMMARY_H

#include "tools/bench/crew.h"

/* Of one histogram, in microseconds. */
struct spread {
    uint64_t count;
    double mean, p50, p90, p99, p999, max;
};

struct summary {
    double seconds;             /* of the measurement; up to the last reply where the load ended before it */
    double requests_s, bytes_s; /* of what came within them */
    double last_s;              /* when the last reply came */
    struct spread latency, connect, refusal, descriptor, bytes;
    bool has_server;         /* what follows is known: the server was there at both ends of the measurement */
    double server_cpu_us;    /* per request, all threads */
    double server_cpu_share; /* of one CPU */
    double server_switches;  /* context switches per request, of threads that live on */
    double own_cpu_us;       /* the generator's, per reply */
    uint64_t errors;
    bool good; /* nothing failed, and something was answered */
};

struct spread spread_of(const struct histogram *h);
void summary_make(const struct outcome *outcome, const struct bench_settings *settings,
                  struct summary *summary);

#endif
