#include "handlers/ingest/series.h"

#include <stdlib.h>

struct series_client {
    UT_hash_handle hh;
    uint64_t id, count;
};

void series_init(struct series_table *table, uint64_t most, uint64_t most_of_client) {
    *table = (struct series_table){.most = most, .most_of_client = most_of_client};
    TAILQ_INIT(&table->recent);
    TAILQ_INIT(&table->list);
}

static void leave_client(struct series_table *table, struct series_client *client) {
    if (!client || --client->count > 0)
        return;
    HASH_DEL(table->clients, client);
    free(client);
}

/* The series after this one, family by family; no family is empty. */
static struct series *after(const struct series *series) {
    struct series *sibling = TAILQ_NEXT(series, sibling);
    const struct series_family *family = TAILQ_NEXT(series->family, link);
    return sibling || !family ? sibling : TAILQ_FIRST(&family->series);
}

static void leave_family(struct series_table *table, struct series *series) {
    struct series_family *family = series->family;
    TAILQ_REMOVE(&family->series, series, sibling);
    if (!TAILQ_EMPTY(&family->series))
        return;
    HASH_DEL(table->families, family);
    TAILQ_REMOVE(&table->list, family, link);
    free(family);
}

static void forget(struct series_table *table, struct series *series) {
    if (table->walk == series)
        table->walk = after(series);
    HASH_DEL(table->table, series);
    TAILQ_REMOVE(&table->recent, series, recent);
    leave_family(table, series);
    leave_client(table, series->client);
    table->count--;
    free(series->bounds);
    free(series);
}

void series_free(struct series_table *table) {
    for (struct series *series; (series = TAILQ_FIRST(&table->recent));)
        forget(table, series);
}

struct series_family *series_family_named(const struct series_table *table, struct span name) {
    struct series_family *family;
    HASH_FIND(hh, table->families, name.p, name.n, family);
    return family;
}

static struct series *find(const struct series_table *table, const struct sample *sample) {
    struct span key = sample_series(sample);
    struct series *series;
    HASH_FIND(hh, table->table, key.p, key.n, series);
    return series;
}

static struct series_family *make_family(struct series_table *table, const struct sample *sample) {
    struct series_family *family = calloc(1, sizeof(*family) + sample->name.n);
    if (!family)
        return NULL;
    TAILQ_INIT(&family->series);
    family->number = ++table->numbers;
    family->type = sample->type;
    family->name_n = sample->name.n;
    memcpy(family->name, sample->name.p, sample->name.n);
    HASH_ADD_KEYPTR(hh, table->families, family->name, family->name_n, family);
    if (!TABLE_HAS(family)) {
        free(family);
        return NULL;
    }
    TAILQ_INSERT_TAIL(&table->list, family, link);
    return family;
}

static struct series_client *find_client(struct series_table *table, uint64_t id) {
    struct series_client *client;
    HASH_FIND(hh, table->clients, &id, sizeof(id), client);
    if (!client && (client = calloc(1, sizeof(*client)))) {
        client->id = id;
        HASH_ADD(hh, table->clients, id, sizeof(id), client);
        if (!TABLE_HAS(client)) {
            free(client);
            return NULL;
        }
    }
    return client;
}

/* False: no memory. client has counted the series already. */
static bool add(struct series_table *table, const struct sample *sample, struct series_family *family,
                struct series_client *client, double now) {
    struct span key = sample_series(sample);
    struct series *series = calloc(1, sizeof(*series) + key.n);
    if (!series)
        return false;
    if (!family && !(family = make_family(table, sample))) {
        free(series);
        return false;
    }
    series->family = family;
    series->client = client;
    series->updated = now;
    series->pending = 1;
    series->key_n = key.n;
    memcpy(series->key, key.p, key.n);
    TAILQ_INSERT_TAIL(&family->series, series, sibling);
    HASH_ADD_KEYPTR(hh, table->table, series->key, key.n, series);
    if (!TABLE_HAS(series)) {
        leave_family(table, series);
        free(series);
        return false;
    }
    TAILQ_INSERT_TAIL(&table->recent, series, recent);
    table->count++;
    return true;
}

/* Suffixes of names that make them part of a histogram or summary. */
static const struct {
    const char *text;
    bool summary;
} endings[] = {{"_bucket", false}, {"_sum", true}, {"_count", true}};

static bool has_parts(enum sample_type type, bool summary) {
    return type == SAMPLE_HISTOGRAM || (type == SAMPLE_SUMMARY && summary);
}

/* Is a family of this name part of another family as it is exposed, or is one of its own parts a family? */
static bool overlaps(const struct series_table *table, const struct sample *sample) {
    char part[UINT16_MAX + 16];
    struct span name = sample->name;
    memcpy(part, name.p, name.n);
    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
        size_t n = strlen(endings[i].text);
        const struct series_family *family;
        if (name.n > n && memcmp(name.p + name.n - n, endings[i].text, n) == 0) {
            family = series_family_named(table, span_of(name.p, name.n - n));
            if (family && has_parts(family->type, endings[i].summary))
                return true;
        }
        if (!has_parts(sample->type, endings[i].summary))
            continue;
        memcpy(part + name.n, endings[i].text, n);
        if (series_family_named(table, span_of(part, name.n + n)))
            return true;
    }
    return false;
}

enum series_verdict series_admit(struct series_table *table, const struct sample *sample, uint64_t id,
                                 double now) {
    struct series *series = find(table, sample);
    struct series_family *family = series ? series->family : series_family_named(table, sample->name);
    if (family && family->type != sample->type)
        return SERIES_OTHER_TYPE;
    if (!family && overlaps(table, sample))
        return SERIES_OVERLAP;
    if (series) {
        series->pending++;
        return SERIES_GOOD;
    }
    if (table->count >= table->most)
        return SERIES_LIMIT;
    struct series_client *client = id ? find_client(table, id) : NULL;
    if (client && ++client->count > table->most_of_client && table->most_of_client > 0) {
        leave_client(table, client);
        return SERIES_LIMIT;
    }
    if (add(table, sample, family, client, now))
        return SERIES_GOOD;
    leave_client(table, client);
    return SERIES_NO_MEMORY;
}

static bool same_bounds(const struct series *series, const struct sample *sample) {
    return series->bounds && series->bounds_n == sample->bounds_n &&
           memcmp(series->bounds, sample->bounds, sizeof(double) * sample->bounds_n) == 0;
}

/* Gives the series the sample's buckets or quantiles, empty. False: no memory. */
static bool set_bounds(struct series *series, const struct sample *sample) {
    size_t n = sample->bounds_n;
    double *bounds = calloc(2 * n + 1, sizeof(double));
    if (!bounds)
        return false;
    memcpy(bounds, sample->bounds, n * sizeof(double));
    free(series->bounds);
    series->bounds = bounds;
    series->values = bounds + n;
    series->counts = (uint64_t *)(void *)(bounds + (sample->type == SAMPLE_SUMMARY ? 2 * n : n));
    series->bounds_n = sample->bounds_n;
    series->value = 0;
    return true;
}

/* False: no memory; also of apply_summary(). */
static bool apply_histogram(struct series *series, const struct sample *sample) {
    if ((sample->cumulative || !same_bounds(series, sample)) && !set_bounds(series, sample))
        return false;
    for (unsigned i = 0; i <= series->bounds_n; i++)
        series->counts[i] += sample->counts[i];
    series->value += sample->value;
    return true;
}

static bool apply_summary(struct series *series, const struct sample *sample) {
    if (!set_bounds(series, sample))
        return false;
    memcpy(series->values, sample->values, sample->bounds_n * sizeof(double));
    series->counts[0] = sample->counts[0];
    series->value = sample->value;
    return true;
}

static bool apply_value(struct series *series, const struct sample *sample) {
    bool adds = sample->type == SAMPLE_COUNTER && !sample->cumulative;
    series->value = adds ? series->value + sample->value : sample->value;
    return true;
}

static void apply(struct series *series, const struct sample *sample, int64_t latest_ms) {
    bool adds = sample->type != SAMPLE_GAUGE && !sample->cumulative;
    bool credible = series->known && series->time_ms <= latest_ms;
    if (!adds && credible && sample->time_ms < series->time_ms)
        return; /* a later state is known */
    bool good = sample->type == SAMPLE_HISTOGRAM ? apply_histogram(series, sample)
                : sample->type == SAMPLE_SUMMARY ? apply_summary(series, sample)
                                                 : apply_value(series, sample);
    if (good && (!credible || sample->time_ms > series->time_ms))
        series->time_ms = sample->time_ms;
    series->known |= good;
}

void series_settle(struct series_table *table, char *samples, size_t n) {
    struct span rest = span_of(samples, n);
    struct sample sample;
    for (char *at = samples; sample_decode(&rest, &sample) == 0; at = samples + (n - rest.n)) {
        struct series *series = sample.type == SAMPLE_GAUGE ? find(table, &sample) : NULL;
        if (!series)
            continue;
        if (sample.cumulative)
            sample.value += series->levelled ? series->level : series->known ? series->value : 0;
        series->levelled = true;
        series->level = sample.value;
        sample_set_gauge(at, sample.value);
    }
}

/* The series of a sample that was admitted, unless it was dropped meanwhile. */
static struct series *find_admitted(const struct series_table *table, const struct sample *sample) {
    struct series *series = find(table, sample);
    if (!series || series->family->type != sample->type)
        return NULL;
    series->pending -= series->pending > 0;
    return series;
}

void series_apply(struct series_table *table, struct span *samples, unsigned most, double now,
                  int64_t latest_ms) {
    struct sample sample;
    for (; most > 0 && sample_decode(samples, &sample) == 0; most--) {
        struct series *series = find_admitted(table, &sample);
        if (!series)
            continue;
        apply(series, &sample, latest_ms);
        series->updated = now;
        TAILQ_REMOVE(&table->recent, series, recent);
        TAILQ_INSERT_TAIL(&table->recent, series, recent);
    }
}

void series_retract(struct series_table *table, struct span samples) {
    struct sample sample;
    while (sample_decode(&samples, &sample) == 0) {
        struct series *series = find_admitted(table, &sample);
        if (series && !series->known && series->pending == 0)
            forget(table, series);
    }
}

uint64_t series_drop(struct series_table *table, double since, uint64_t most) {
    struct series *series;
    uint64_t dropped = 0;
    for (; dropped < most && (series = TAILQ_FIRST(&table->recent)) && series->updated < since; dropped++)
        forget(table, series);
    return dropped;
}

void series_walk(struct series_table *table) {
    const struct series_family *first = TAILQ_FIRST(&table->list);
    table->walk = first ? TAILQ_FIRST(&first->series) : NULL;
    table->walk_last = table->numbers;
}

const struct series *series_walk_next(struct series_table *table) {
    const struct series *series = table->walk;
    if (!series || series->family->number > table->walk_last)
        return NULL;
    table->walk = after(series);
    return series;
}
