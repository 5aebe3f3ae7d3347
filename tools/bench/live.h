/* The live line on a terminal: what the last second brought.
 *
 *     12 s      81300/s  p50 412 us   p99 980 us   errors 0 */
#ifndef SLUICE_BENCH_LIVE_H
#define SLUICE_BENCH_LIVE_H

#include "tools/bench/tally.h"

#include <stdio.h>

/* The difference between two looks at growing histograms: the interval's own. */
struct interval {
    struct histogram before, now, between;
    uint64_t errors; /* so far */
};

/* 0 or -ENOMEM. */
int interval_init(struct interval *interval);
void interval_free(struct interval *interval);
/* interval->between becomes what was added since the last look. */
void interval_look(struct interval *interval, const struct tally *so_far);

/* Writes the line over the last one. */
void live_line(const struct interval *interval, double elapsed_s, double interval_s, FILE *out);
/* Wipes it. */
void live_clear(FILE *out);

#endif
