/* statsd's sets: the number of distinct values in an interval becomes a gauge at its end.
 *
 *     users:7|s  users:7|s  users:9|s  --add()--> {users: 7, 9}  --flush()--> gauge users 2
 *     nothing came in the interval     --------------------------flush()--> gauge users 0, once, and it is forgotten */
#ifndef SLUICE_HANDLERS_INGEST_STATSD_SETS_H
#define SLUICE_HANDLERS_INGEST_STATSD_SETS_H

#include "handlers/ingest/batch.h"

#define STATSD_SETS_SECONDS 10 /* an interval, as statsd's own */
/* Of sets and their values in an interval: some 100,000 of them. */
#define STATSD_SETS_BYTES ((size_t)16 << 20)

struct statsd_set;

struct statsd_sets {
    struct statsd_set *table; /* NULL: there is nothing to flush */
    size_t bytes;             /* of the sets and their values */
};

/* Adds a value to the set of the (valid) sample's name and labels. 0; -ENOSPC: there are too many; -ENOMEM. */
int statsd_sets_add(struct statsd_sets *sets, const struct sample *sample, struct span value);
/* Appends a gauge for each set, and begins the next interval. Without memory some are lost. */
void statsd_sets_flush(struct statsd_sets *sets, struct batch *batch, int64_t now_ms);
void statsd_sets_free(struct statsd_sets *sets);

#endif
