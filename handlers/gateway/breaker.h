/* A circuit breaker: a server that fails too often is left alone for a while.
 *
 *     CLOSED --(failures / requests of the window >= ratio)--> OPEN --(after a while)--> HALF_OPEN: one request
 *        ^                                                       ^--(it failed)------------------|
 *        +------------------------------------------------------(its answer began well)----------+
 *
 * A request that began before the last change of state does not count in the new state, so that a hung server's
 * requests, which fail one after the other, do not open the breaker again and again. For that, each carries the epoch
 * that it began in.
 *
 * Pure: time comes as an argument. */
#ifndef SLUICE_HANDLERS_GATEWAY_BREAKER_H
#define SLUICE_HANDLERS_GATEWAY_BREAKER_H

#include <stdbool.h>

#define BREAKER_SLICES 10

enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN };

struct breaker_rule {
    long ratio;    /* per cent; 0: no breaker */
    long least;    /* requests in the window before it judges */
    double window; /* seconds */
    double open;   /* seconds */
};

struct breaker {
    enum breaker_state state;
    unsigned epoch; /* changes of state so far */
    double until;   /* OPEN: when it is tried again */
    bool trying;    /* HALF_OPEN: a request is under way */
    double slice;   /* start of the current slice */
    unsigned at;    /* the current slice */
    unsigned good[BREAKER_SLICES], bad[BREAKER_SLICES];
};

/* May a request pass? Changes nothing. */
bool breaker_admits(const struct breaker *breaker, const struct breaker_rule *rule, double now);
/* A request passes; after the pause of an open breaker it is the trial request. Returns its epoch, for the functions
 * below. */
unsigned breaker_enter(struct breaker *breaker, const struct breaker_rule *rule, double now);
/* Its answer has begun well. That is enough for a trial request, since an answer may take long. */
void breaker_began(struct breaker *breaker, unsigned epoch, double now);
/* The request has ended, well or not. */
void breaker_leave(struct breaker *breaker, const struct breaker_rule *rule, unsigned epoch, bool good,
                   double now);
/* The request has ended without telling anything about the server, for example because the client left. */
void breaker_abandon(struct breaker *breaker, unsigned epoch);
const char *breaker_name(enum breaker_state state);

#endif
