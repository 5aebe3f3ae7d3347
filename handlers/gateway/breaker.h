/* A circuit breaker: a server that fails too often is left alone for a while.
 *
 *     CLOSED --(failures / requests of the window >= ratio)--> OPEN --(after a while)--> HALF_OPEN: one request
 *        ^                                                       ^--(it failed)------------------|
 *        +------------------------------------------------------(its answer began well)----------+
 *
 * A request that began before the last change of state says nothing about the state it ends in: a hung server's
 * requests, which fail one after the other, do not open the breaker again and again. So each carries the epoch that it
 * began in.
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
    double slice;   /* start of the slice in hand */
    unsigned at;    /* the slice in hand */
    unsigned good[BREAKER_SLICES], bad[BREAKER_SLICES];
};

/* May a request pass? Does not change anything. */
bool breaker_admits(const struct breaker *breaker, const struct breaker_rule *rule, double now);
/* A request passes: after the pause it is the one that tries. Returns its epoch, for one of the following. */
unsigned breaker_enter(struct breaker *breaker, const struct breaker_rule *rule, double now);
/* Its answer has begun, and well: an answer may be long, so the one that tries need not end. */
void breaker_began(struct breaker *breaker, unsigned epoch, double now);
/* How it went. */
void breaker_leave(struct breaker *breaker, const struct breaker_rule *rule, unsigned epoch, bool good,
                   double now);
/* It came to nothing either way, like a client that left. */
void breaker_abandon(struct breaker *breaker, unsigned epoch);
const char *breaker_name(enum breaker_state state);

#endif
