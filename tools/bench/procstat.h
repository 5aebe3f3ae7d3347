/* What processes have used so far. */
#ifndef SLUICE_BENCH_PROCSTAT_H
#define SLUICE_BENCH_PROCSTAT_H

#include <stdint.h>

struct procstat {
    uint64_t cpu_ns;   /* of all threads */
    uint64_t switches; /* context switches of the threads that are alive, voluntary or not */
    uint64_t threads;
};

/* Adds up the processes of a list of numbers joined by commas or, as pidof(1) says them, spaces. 0, or -errno for the
 * first that cannot be read. */
int procstat_read(const char *pids, struct procstat *out);

#endif
