/* Intended send times of an open loop: request i is due at begin + i / rate, whatever happened to the others.
 *
 *     connection c of n sends requests c, c + n, c + 2n, ...; one that is late keeps its intended time,
 *     and its latency counts from there (no coordinated omission) */
#ifndef SLUICE_BENCH_SCHEDULE_H
#define SLUICE_BENCH_SCHEDULE_H

#include <stdint.h>

struct schedule {
    int64_t begin_ns;
    double rate;     /* requests a second, > 0 */
    uint64_t issued; /* requests whose time has come so far */
};

/* When request i is due. */
int64_t schedule_at(const struct schedule *schedule, uint64_t i);
/* How many requests are due by now, from request 0 on. */
uint64_t schedule_due(const struct schedule *schedule, int64_t now_ns);

#endif
