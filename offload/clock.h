/* Times in nanoseconds: the clock that jobs are timed with, the time of day, times of files. */
#ifndef SLUICE_OFFLOAD_CLOCK_H
#define SLUICE_OFFLOAD_CLOCK_H

#include <stdint.h>
#include <time.h>

#define NS_PER_S 1000000000

/* A struct timespec in nanoseconds, which cover the years 1678 to 2261; times beyond, which files may have, become the
 * nearest of these. */
static inline int64_t clock_of(struct timespec time) {
    if (time.tv_sec >= INT64_MAX / NS_PER_S)
        return INT64_MAX;
    if (time.tv_sec <= INT64_MIN / NS_PER_S)
        return INT64_MIN;
    return (int64_t)time.tv_sec * NS_PER_S + time.tv_nsec;
}

/* CLOCK_MONOTONIC in nanoseconds. */
static inline int64_t clock_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return clock_of(now);
}

/* The time of day in ms since 1970. */
static inline int64_t clock_wall_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

#endif
