/* The rate of each client, in samples: a token bucket that may go into debt.
 *
 *     limiter_find(client) -> in credit? -> the batch is read -> limiter_charge(samples)
 *                                \-> 429, and when to try again
 *
 * The cost of a batch is known only when it has been read: a client in credit may send one, and the next has to wait
 * until the debt is paid. So a batch of any size passes, and the rate still holds. The table is bounded: the least
 * recently seen clients are forgotten. */
#ifndef SLUICE_HANDLERS_INGEST_LIMITER_H
#define SLUICE_HANDLERS_INGEST_LIMITER_H

#include "reactor/table.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#define LIMITER_KEY 64 /* bytes of a client's name; longer ones are cut */

struct limiter_client {
    char key[LIMITER_KEY];
    double tokens, at; /* tokens at the time `at`, in seconds */
    TAILQ_ENTRY(limiter_client) link;
    UT_hash_handle hh;
};

struct limiter {
    struct limiter_client *table;
    TAILQ_HEAD(, limiter_client) recent; /* least recently seen first */
    double rate, burst;                  /* samples a second; 0: no limit */
    unsigned count, most;
};

void limiter_init(struct limiter *limiter, double rate, double burst, unsigned most);
void limiter_free(struct limiter *limiter);
/* The client of this name, now (seconds) the most recently seen; NULL without memory. Valid until the next call. */
struct limiter_client *limiter_find(struct limiter *limiter, const char *key, size_t n, double now);
/* May the client send a batch? */
bool limiter_allows(const struct limiter *limiter, const struct limiter_client *client);
void limiter_charge(struct limiter *limiter, struct limiter_client *client, uint64_t samples);
/* Seconds until the client may send a batch again. */
double limiter_wait(const struct limiter *limiter, const struct limiter_client *client);

#endif
