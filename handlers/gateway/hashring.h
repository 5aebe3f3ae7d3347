/* Consistent hashing (ketama): every server has points on a circle, their number proportional to its weight; a key
 * belongs to the first point after it. When a server goes, only its keys move, spread over the others; when it returns
 * they return.
 *
 *     hashring_fill() when servers come, go or change their weight -> points
 *     hashring_find(key, those that may be used)                   -> the first of these after the key
 *
 * Points depend on the servers' names only: every process and every start finds the same server. Pure. */
#ifndef SLUICE_HANDLERS_GATEWAY_HASHRING_H
#define SLUICE_HANDLERS_GATEWAY_HASHRING_H

#include "proto/span.h"

#include <stddef.h>
#include <stdint.h>

struct hashring_server {
    const char *name;
    long weight;
    unsigned number; /* below 64, what it is found as */
};

struct hashring {
    uint64_t *points; /* owned, sorted: 58 bits of hash and the server's number */
    size_t count;
};

/* Replaces the servers on the ring by these. 0, or -ENOMEM, and the ring is unchanged. */
int hashring_fill(struct hashring *ring, const struct hashring_server *servers, size_t count);
/* The number of the server for a key among those usable (a bit set of numbers); -1: none of them is on the ring. */
int hashring_find(const struct hashring *ring, uint64_t key, uint64_t usable);
void hashring_free(struct hashring *ring);
/* The hash of some bytes, continued from that of earlier ones (0 to begin with). */
uint64_t hashring_hash(uint64_t hash, struct span bytes);

#endif
