/* The latest state of every series: what GET /metrics shows.
 *
 *     batch -> series_admit(): known, or within the limits -> log -> series_apply(): gauges and summaries set, counters
 *                                                     |              summed, histograms merged -> exposition.c
 *                                                     '-> not taken: series_retract()
 *     no sample for `stale` seconds: dropped
 *
 * A name has one type. Samples of another type are refused, and so are those whose name would be part of a histogram or
 * summary (lag_count beside lag), because Prometheus could not tell them apart. */
#ifndef SLUICE_HANDLERS_INGEST_SERIES_H
#define SLUICE_HANDLERS_INGEST_SERIES_H

#include "proto/sample.h"
#include "reactor/table.h"

#include <sys/queue.h>

struct series_family;
struct series_client;

struct series {
    TAILQ_ENTRY(series) recent;  /* of all, the least recently updated first */
    TAILQ_ENTRY(series) sibling; /* of the family */
    UT_hash_handle hh;
    struct series_family *family;
    struct series_client *client; /* that added it; NULL: recovered */
    double value, updated;        /* updated: seconds, the loop's clock */
    int64_t time_ms;              /* of the latest sample */
    bool known;                   /* a sample has been applied */
    unsigned pending;             /* samples that were admitted and not yet applied or retracted */
    bool levelled;                /* statsd has set or changed the gauge */
    double level;                 /* to which value; the log may not have it yet */
    unsigned bounds_n;
    double *bounds;   /* of a histogram or summary; owned, with counts or values behind them; NULL: none */
    double *values;   /* of a summary; bounds_n */
    uint64_t *counts; /* of a histogram: bounds_n + 1; of a summary: 1 */
    size_t key_n;
    char key[]; /* sample_series() */
};

struct series_family {
    TAILQ_HEAD(, series) series;
    TAILQ_ENTRY(series_family) link;
    UT_hash_handle hh;
    uint64_t number; /* of families in the order they were made */
    enum sample_type type;
    size_t name_n;
    char name[];
};

struct series_table {
    struct series *table;
    struct series_family *families;
    struct series_client *clients;
    TAILQ_HEAD(, series) recent;
    TAILQ_HEAD(, series_family) list;
    uint64_t count, most, most_of_client; /* most_of_client 0: no limit */
    uint64_t numbers;                     /* of families, given out */
    struct series *walk;                  /* the next one of the walk; NULL: it is at its end */
    uint64_t walk_last;                   /* the last family that was there when it began */
};

enum series_verdict { SERIES_GOOD, SERIES_OTHER_TYPE, SERIES_OVERLAP, SERIES_LIMIT, SERIES_NO_MEMORY };

void series_init(struct series_table *table, uint64_t most, uint64_t most_of_client);
void series_free(struct series_table *table);
/* May a decoded sample of this client (a number that identifies it; 0: nobody) be taken? If so, room is reserved if its
 * series is new, and the sample must later be applied or retracted. */
enum series_verdict series_admit(struct series_table *table, const struct sample *sample, uint64_t client,
                                 double now);
/* The family of this name; NULL: there is none. */
struct series_family *series_family_named(const struct series_table *table, struct span name);
/* Turns relative gauges of an admitted batch (encoded samples, changed in place) into absolute values, and remembers
 * the gauges that it sets. */
void series_settle(struct series_table *table, char *samples, size_t n);
/* Takes up to `most` encoded samples off *samples and applies them; those without a series are skipped. latest_ms: a
 * value later than this comes from a clock that has been set back since, and is replaced by any sample. */
void series_apply(struct series_table *table, struct span *samples, unsigned most, double now,
                  int64_t latest_ms);
/* These encoded samples did not get into the log: series that exist only for them are forgotten. */
void series_retract(struct series_table *table, struct span samples);
/* Drops up to most series that were not updated since then. Returns how many. */
uint64_t series_drop(struct series_table *table, double since, uint64_t most);

/* Starts a walk through all series, family by family, during which others may come and go; new families are left out.
 * One walk at a time. */
void series_walk(struct series_table *table);
/* The next one; NULL: that was the last. */
const struct series *series_walk_next(struct series_table *table);

#endif
