/* Passive ejection of servers that fail while others do well, with Envoy's defaults and jitter.
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

/* Books an answer. True: limit errors in a row, to be ejected. */
bool outlier_book(struct outlier *outlier, bool good, long limit);
/* Ejects it; random: 64 random bits for up to a tenth of jitter. Returns the seconds. */
double outlier_eject(struct outlier *outlier, double eject, double most, double now, uint64_t random);
/* True: its ejection is over now. */
bool outlier_returns(struct outlier *outlier, double now);
/* May one more of total servers be ejected when some are? percent, but one at least and never the last. */
bool outlier_room(size_t total, size_t ejected, long percent);
/* The least success rate that is no outlier among count servers; 0: too little is known. */
double outlier_threshold(struct outlier *const *servers, size_t count);
/* True: this one is below it. Begins the next interval; a quiet one takes back an ejection that counted. */
bool outlier_below(struct outlier *outlier, double threshold);

#endif
