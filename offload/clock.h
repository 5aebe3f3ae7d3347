/* The clock that jobs are timed with. */
#ifndef SLUICE_OFFLOAD_CLOCK_H
#define SLUICE_OFFLOAD_CLOCK_H

#include <stdint.h>
#include <time.h>

#define NS_PER_S 1000000000

/* CLOCK_MONOTONIC in nanoseconds. */
static inline int64_t clock_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

#endif
