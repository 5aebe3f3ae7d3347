/* Ejects servers that fail while others do well, with Envoy's defaults and jitter.
 *
 *     errors in a row >= limit                           -> out for eject x ejections so far (at most eject_max),
 *                                                           or until an active check passes
 *     each interval: success rate < mean - 1.9 deviation -> out (at least 5 servers with 100 requests each)
 *
 * The caller keeps the share of ejected servers below its limit and never ejects the last one. Pure. */
#ifndef SLUICE_HANDLERS_GATEWAY_OUTLIER_H
#define SLUICE_HANDLERS_GATEWAY_OUTLIER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OUTLIER_SERVERS  5u
#define OUTLIER_REQUESTS 100u

struct outlier {
    unsigned errors;    /* in a row */
    unsigned good, bad; /* since the last look */
    unsigned times;     /* ejections that still count */
    double until;       /* 0: not ejected */
};

/* Records an answer. True: that makes `limit` errors in a row, so the server should be ejected. */
bool outlier_book(struct outlier *outlier, bool good, long limit);
/* Ejects it; random: 64 random bits for up to a tenth of jitter. Returns for how many seconds. */
double outlier_eject(struct outlier *outlier, double eject, double most, double now, uint64_t random);
/* Ends its ejection if its time is over. True: it has just ended. */
bool outlier_returns(struct outlier *outlier, double now);
/* May one more of total servers be ejected? At most percent of them, but at least one, and never the last. */
bool outlier_room(size_t total, size_t ejected, long percent);
/* The lowest success rate that does not make an outlier among count servers; 0: too little is known. */
double outlier_threshold(struct outlier *const *servers, size_t count);
/* Is this server below the threshold? Begins the next interval; an interval without trouble reduces the count of
 * ejections. */
bool outlier_below(struct outlier *outlier, double threshold);

#endif
