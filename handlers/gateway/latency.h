/* How quick a server is: an average that jumps up on a slow answer, comes down with quick ones, and fades while there
 * are none, so that a server that was slow once is tried again (Finagle's peak EWMA). Pure. */
#ifndef SLUICE_HANDLERS_GATEWAY_LATENCY_H
#define SLUICE_HANDLERS_GATEWAY_LATENCY_H

#include <math.h>

#define LATENCY_FADES  10.0 /* seconds, to 1/e */
#define LATENCY_FAILED 1.0  /* seconds that a failure counts as: one that fails at once is not quick */

struct latency {
    double average; /* seconds, at the time `at` */
    double at;
};

static inline double latency_now(const struct latency *latency, double now) {
    return now > latency->at ? latency->average * exp((latency->at - now) / LATENCY_FADES) : latency->average;
}

static inline void latency_add(struct latency *latency, double seconds, double now) {
    double kept = now > latency->at ? exp((latency->at - now) / LATENCY_FADES) : 1;
    if (seconds > latency->average * kept)
        latency->average = seconds;
    else
        latency->average = latency->average * kept + seconds * (1 - kept);
    latency->at = now;
}

#endif
