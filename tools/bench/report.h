/* The report of a run, as text or as one JSON object. */
#ifndef SLUICE_BENCH_REPORT_H
#define SLUICE_BENCH_REPORT_H

#include "tools/bench/summary.h"

#include <stdio.h>

struct report {
    const struct plan *plan;
    const struct outcome *outcome;
    const struct summary *summary;
};

void report_text(const struct report *report, FILE *out);
/* 0 or -ENOMEM. */
int report_json(const struct report *report, FILE *out);

#endif
