#include "handlers/ingest/statsd_sets.h"

#include "reactor/table.h"

#include <errno.h>
#include <stdlib.h>

struct set_value {
    UT_hash_handle hh;
    size_t n;
    char text[];
};

struct statsd_set {
    UT_hash_handle hh;
    struct set_value *values; /* of this interval */
    size_t n;
    char sample[]; /* encoded: a gauge of 0 at 0, so that it tells the set */
};

static size_t bytes_of(const struct statsd_set *set) {
    return sizeof(*set) + set->n;
}

/* A set of the sample's series that is in no table. NULL without memory. */
static struct statsd_set *make_set(const struct sample *sample) {
    struct sample gauge = *sample;
    gauge.type = SAMPLE_GAUGE;
    gauge.cumulative = false;
    gauge.value = 0;
    gauge.time_ms = 0;
    size_t n = sample_size(&gauge);
    struct statsd_set *set = calloc(1, sizeof(*set) + n);
    if (!set)
        return NULL;
    set->n = n;
    sample_encode(&gauge, set->sample);
    return set;
}

static void empty(struct statsd_set *set) {
    struct set_value *value, *next;
    HASH_ITER(hh, set->values, value, next) {
        HASH_DEL(set->values, value);
        free(value);
    }
}

static int add_value(struct statsd_sets *sets, struct statsd_set *set, struct span text) {
    struct set_value *value;
    HASH_FIND(hh, set->values, text.p, text.n, value);
    if (value)
        return 0;
    if (sets->bytes >= STATSD_SETS_BYTES)
        return -ENOSPC;
    value = calloc(1, sizeof(*value) + text.n);
    if (!value)
        return -ENOMEM;
    value->n = text.n;
    if (text.n)
        memcpy(value->text, text.p, text.n);
    HASH_ADD_KEYPTR(hh, set->values, value->text, value->n, value);
    if (!TABLE_HAS(value)) {
        free(value);
        return -ENOMEM;
    }
    sets->bytes += sizeof(*value) + value->n;
    return 0;
}

int statsd_sets_add(struct statsd_sets *sets, const struct sample *sample, struct span value) {
    struct statsd_set *made = make_set(sample), *known;
    if (!made)
        return -ENOMEM;
    HASH_FIND(hh, sets->table, made->sample, made->n, known);
    int error = add_value(sets, known ? known : made, value);
    if (known || error) {
        free(made); /* it is as empty as it was made */
        return error;
    }
    HASH_ADD_KEYPTR(hh, sets->table, made->sample, made->n, made);
    if (!TABLE_HAS(made)) {
        empty(made);
        free(made);
        return -ENOMEM;
    }
    sets->bytes += bytes_of(made);
    return 0;
}

static void forget(struct statsd_sets *sets, struct statsd_set *set) {
    HASH_DEL(sets->table, set);
    empty(set);
    free(set);
}

void statsd_sets_flush(struct statsd_sets *sets, struct batch *batch, int64_t now_ms) {
    struct statsd_set *set, *next;
    struct sample sample;
    sets->bytes = 0;
    HASH_ITER(hh, sets->table, set, next) {
        struct span encoded = span_of(set->sample, set->n);
        bool any = set->values != NULL;
        sample_decode(&encoded, &sample);
        sample.time_ms = now_ms;
        sample.value = (double)HASH_COUNT(set->values);
        batch_add(batch, &sample, 0);
        empty(set);
        if (any)
            sets->bytes += bytes_of(set);
        else
            forget(sets, set);
    }
}

void statsd_sets_free(struct statsd_sets *sets) {
    struct statsd_set *set, *next;
    HASH_ITER(hh, sets->table, set, next)
    forget(sets, set);
}
