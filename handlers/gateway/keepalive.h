/* How long a server keeps an idle connection, learned from what it says and does.
 *
 *     Keep-Alive: timeout=5            -> said
 *     it closed a connection idle 1.0  -> seen: the last few closings, the shortest counts
 *     another is idle 3.1 and open     -> that closing had another reason, and is forgotten
 *     limit = 80 % of the shorter      a connection idle for longer is not reused
 *
 * A server that stops closes all of its connections at once, whatever their age: closings within a moment count as one,
 * by the longest idle time among them. Old closings are forgotten, in case the server has become more patient. */
#ifndef SLUICE_HANDLERS_GATEWAY_KEEPALIVE_H
#define SLUICE_HANDLERS_GATEWAY_KEEPALIVE_H

#include "proto/span.h"

#define KEEPALIVE_SEEN 8

struct keepalive {
    double said;                 /* seconds; 0: nothing */
    double seen[KEEPALIVE_SEEN]; /* the newest last */
    unsigned count;
    double last; /* when the last closing was seen */
};

/* Learns from the value of a Keep-Alive field ("timeout=5, max=100"). Returns max; -1: not said. */
int keepalive_said(struct keepalive *keepalive, struct span value);
/* The server has just closed a connection that was idle for so many seconds. */
void keepalive_closed(struct keepalive *keepalive, double idle, double now);
/* A connection that is idle for so many seconds is still open. */
void keepalive_outlived(struct keepalive *keepalive, double idle);
/* The longest idle time for which a connection may be reused; 0: nothing is known. */
double keepalive_limit(const struct keepalive *keepalive);

#endif
