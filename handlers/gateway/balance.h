/* Chooses the next of several servers. Pure: the caller offers those that may be used.
 *
 *     roundrobin  smooth and weighted: a server of weight 3 is chosen three times as often, spread out
 *     least       the fewest connections for its weight; round robin among equals
 *     random      two at random, the one with fewer connections for its weight
 *     latency     two at random, the one with the lower product of latency and connections for its weight
 *
 * Consistent hashing needs all servers, not only those offered: hashring.h. */
#ifndef SLUICE_HANDLERS_GATEWAY_BALANCE_H
#define SLUICE_HANDLERS_GATEWAY_BALANCE_H

#include <stddef.h>
#include <stdint.h>

enum balance_method { BALANCE_ROUNDROBIN, BALANCE_LEAST, BALANCE_RANDOM, BALANCE_LATENCY, BALANCE_HASH };

/* What the methods know about a server. */
struct balance_node {
    long weight;     /* > 0 of those offered */
    long current;    /* round robin's */
    unsigned active; /* connections in use */
    double latency;  /* seconds; 0: unknown, worth a try */
};

/* Chooses one of count (> 0) nodes; random: 64 random bits. */
struct balance_node *balance_pick(enum balance_method method, struct balance_node **nodes, size_t count,
                                  uint64_t random);
/* The weight of a server that joined `age` seconds ago and gets its whole weight after `window` seconds: Envoy's
 * formula, weight * max(least %, (age / window) ^ (100 / aggression)); aggression in per cent. window 0: its whole
 * weight. */
double balance_slow_start(double weight, double age, double window, double aggression, double least);

#endif
