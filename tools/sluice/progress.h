/* A progress bar on standard error: only on a terminal, only once a copy has taken a moment. */
#ifndef SLUICE_SLUICE_PROGRESS_H
#define SLUICE_SLUICE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    bool enabled, shown;
    uint64_t start_ns, next_ns; /* next_ns: when to draw again */
};

/* out: the descriptor that is written to; no bar if it is a terminal itself. */
void progress_start(struct progress *progress, int out);
/* A sluice_progress; context is the struct progress. Always 0. */
int progress_update(void *context, uint64_t done, uint64_t total);
/* Removes the bar. */
void progress_end(struct progress *progress);

#endif
