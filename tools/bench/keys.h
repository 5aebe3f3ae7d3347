/* What is asked for: keys (or paths, for HTTP) and the order in which their turn comes. */
#ifndef SLUICE_BENCH_KEYS_H
#define SLUICE_BENCH_KEYS_H

#include "proto/span.h"
#include "tools/bench/settings.h"

struct keys {
    struct span *list; /* owned, as is the text the spans point into */
    size_t count;
    char *text;
    double *popular; /* for zipf: how much of all requests go to the keys up to this one; NULL: take turns */
};

/* Loads what --key and --keys say; prefixes are listed by the first server. 0 or -errno with a sentence in
 * why. */
int keys_load(struct keys *keys, const struct bench_settings *settings, char *why, size_t why_size);
void keys_free(struct keys *keys);

/* Makes the k-th of count keys 1/k times as popular as the first. NULL without memory; to be freed. */
double *keys_zipf(size_t count);

struct picker {
    const struct keys *keys;
    size_t next;     /* whose turn it is */
    uint64_t random; /* state of the generator, not 0 */
};

/* Workers differ by seed, so that they do not walk in step. */
void picker_init(struct picker *picker, const struct keys *keys, unsigned seed);
/* The number of the next key to ask for. */
uint32_t picker_next(struct picker *picker);

#endif
