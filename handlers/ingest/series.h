/* The latest state of every series: what GET /metrics shows.
 *
 *     batch -> series_admit(): known, or within the limits -> log -> series_apply(): gauges and summaries set, counters
 *                                                     |              summed, histograms merged -> exposition.c
 *                                                     '-> not taken: series_retract()
 *     no sample for `stale` seconds: dropped
 *
 * A name has one type; a sample of another one is refused, and so is one whose name would be a part of a histogram or
 * summary (lag_count beside lag): Prometheus could not tell them apart. */
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
    struct series_client *client; /* that brought it in; NULL: recovered */
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

enum series_verdict { SERIES_GOOD, SERIES_OTHER_TYPE, SERIES_OVERLAP, SERIES_LIMIT };

void series_init(struct series_table *table, uint64_t most, uint64_t most_of_client);
void series_free(struct series_table *table);
/* May a decoded sample of this client (a number that tells clients apart; 0: nobody) be taken? A new series is made
 * room for; a sample that may is applied or retracted later. */
enum series_verdict series_admit(struct series_table *table, const struct sample *sample, uint64_t client,
                                 double now);
/* NULL: nobody has this name. */
struct series_family *series_family_named(const struct series_table *table, struct span name);
/* Gauges that an admitted batch changes (encoded samples, written over) get the value that comes of it; those that it
 * sets are remembered. */
void series_settle(struct series_table *table, char *samples, size_t n);
/* Takes up to `most` encoded samples off *samples and applies them; those without a series are passed over. latest_ms:
 * what is later than this is of a clock that was set back since, and gives way to anything. */
void series_apply(struct series_table *table, struct span *samples, unsigned most, double now,
                  int64_t latest_ms);
/* The log does not have these encoded samples: series that only they were for are forgotten. */
void series_retract(struct series_table *table, struct span samples);
/* Drops what was not updated since then, at most so many. How many. */
uint64_t series_drop(struct series_table *table, double since, uint64_t most);

/* Walks through all series, family by family, while others come and go: those of families that are new are left out.
 * One walk at a time. */
void series_walk(struct series_table *table);
/* The next one; NULL: that was the last. */
const struct series *series_walk_next(struct series_table *table);

#endif
