#include "handlers/ingest/prometheus_parts.h"

#include "reactor/table.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#define COUNT_MAX 9e15 /* whole numbers up to here are exact */

enum part_kind { PART_BUCKET, PART_QUANTILE, PART_SUM, PART_COUNT, PART_NONE };

/* A bucket's cumulative count, or a quantile's value. */
struct point {
    double at, value;
};

struct prometheus_whole {
    UT_hash_handle hh;
    uint32_t line; /* of its first part */
    bool spoiled;  /* a part was refused */
    bool has_count;
    double sum, count;
    int64_t time_ms;
    struct point *points; /* owned */
    unsigned points_n, points_room;
    unsigned labels_n;
    struct sample_label labels[]; /* and the key behind them */
};

/* ---- lines ------------------------------------------------------------------------------------- */

static enum part_kind kind_of(const struct prometheus_parts *parts, struct span name) {
    static const char *const endings[] = {
        [PART_BUCKET] = "_bucket", [PART_QUANTILE] = "", [PART_SUM] = "_sum", [PART_COUNT] = "_count"};
    size_t n = parts->family.n;
    int kind = 0;
    if (parts->type != SAMPLE_HISTOGRAM && parts->type != SAMPLE_SUMMARY)
        return PART_NONE;
    if (name.n < n || memcmp(name.p, parts->family.p, n) != 0)
        return PART_NONE;
    while (kind < PART_NONE && !span_equal(span_of(name.p + n, name.n - n), span_text(endings[kind])))
        kind++;
    bool other = kind == (parts->type == SAMPLE_HISTOGRAM ? PART_QUANTILE : PART_BUCKET);
    return other ? PART_NONE : (enum part_kind)kind;
}

/* Takes the label of this name out of the line's labels; its value, or .p NULL: there is none. */
static struct span take_label(struct sample_label *labels, unsigned *n, const char *name) {
    for (unsigned i = 0; i < *n; i++) {
        struct span value = labels[i].value;
        if (!span_equal(labels[i].name, span_text(name)))
            continue;
        memmove(labels + i, labels + i + 1, (--*n - i) * sizeof(*labels));
        return value;
    }
    return span_of(NULL, 0);
}

static void make_key(struct text *key, const struct sample_label *labels, unsigned n) {
    key->n = 0;
    for (unsigned i = 0; i < n; i++) {
        const struct span texts[] = {labels[i].name, labels[i].value};
        for (int t = 0; t < 2; t++) {
            text_add(key, span_of((const char *)&texts[t].n, sizeof(texts[t].n)));
            text_add(key, texts[t]);
        }
    }
}

/* The whole that has these labels, made if necessary. NULL: no memory. */
static struct prometheus_whole *whole_of(struct prometheus_parts *parts, const struct sample_label *labels,
                                         unsigned n, uint32_t line) {
    struct prometheus_whole *whole;
    make_key(&parts->key, labels, n);
    if (parts->key.failed)
        return NULL;
    const char *wanted = parts->key.n > 0 ? parts->key.p : ""; /* without labels there is no text */
    HASH_FIND(hh, parts->wholes, wanted, parts->key.n, whole);
    if (whole)
        return whole;
    whole = calloc(1, sizeof(*whole) + n * sizeof(*labels) + parts->key.n);
    if (!whole)
        return NULL;
    char *key = (char *)(whole->labels + n);
    whole->line = line;
    whole->labels_n = n;
    memcpy(whole->labels, labels, n * sizeof(*labels));
    if (parts->key.n)
        memcpy(key, parts->key.p, parts->key.n);
    HASH_ADD_KEYPTR(hh, parts->wholes, key, parts->key.n, whole);
    if (TABLE_HAS(whole))
        return whole;
    free(whole);
    return NULL;
}

static bool add_point(struct prometheus_whole *whole, double at, double value) {
    if (whole->points_n == whole->points_room) {
        unsigned room = whole->points_room ? 2 * whole->points_room : 8;
        struct point *points = reallocarray(whole->points, room, sizeof(*points));
        if (!points)
            return false;
        whole->points = points;
        whole->points_room = room;
    }
    whole->points[whole->points_n++] = (struct point){at, value};
    return true;
}

/* NULL, or why the line's value is not valid for this part. */
static const char *value_fault(enum part_kind kind, double value) {
    bool counts = kind == PART_BUCKET || kind == PART_COUNT;
    if (kind == PART_QUANTILE && isnan(value))
        return NULL; /* of nothing: left out */
    if (!isfinite(value))
        return "the value is not finite";
    if (counts && !(value >= 0 && value < COUNT_MAX && floor(value) == value))
        return "a count is a whole number from 0 on";
    return NULL;
}

/* Takes the label le or quantile out of the others. NULL, or why it is not valid. */
static const char *take_place(enum part_kind kind, struct sample_label *labels, unsigned *n, double *at) {
    bool bucket = kind == PART_BUCKET;
    if (!bucket && kind != PART_QUANTILE)
        return NULL;
    struct span text = take_label(labels, n, bucket ? "le" : "quantile");
    if (text.p && metric_number(text, at) && !isnan(*at))
        return NULL;
    return bucket ? "a bucket has a label le, its upper end" : "a quantile has a label quantile, from 0 to 1";
}

/* False: no memory. */
static bool set(struct prometheus_whole *whole, enum part_kind kind, double at, double value) {
    if (kind == PART_SUM)
        whole->sum = value;
    if (kind == PART_COUNT) {
        whole->count = value;
        whole->has_count = true;
    }
    return kind == PART_SUM || kind == PART_COUNT || isnan(value) || add_point(whole, at, value);
}

bool prometheus_parts_add(struct prometheus_parts *parts, const struct body_line *line,
                          const struct prometheus_text *text) {
    enum part_kind kind = kind_of(parts, text->name);
    struct sample_label labels[SAMPLE_LABELS];
    unsigned n = text->labels_n;
    double at = 0;
    if (kind == PART_NONE)
        return false;
    memcpy(labels, text->labels, n * sizeof(*labels));
    const char *place_fault = take_place(kind, labels, &n, &at), *fault = value_fault(kind, text->value);
    struct prometheus_whole *whole = whole_of(parts, labels, n, line->number);
    if (place_fault)
        body_line_refuse(line, 1, REFUSAL_LABEL, place_fault);
    else if (fault)
        body_line_refuse(line, text->value_column, REFUSAL_VALUE, fault);
    if (!whole || (!place_fault && !fault && !set(whole, kind, at, text->value))) {
        line->decoding->error = -ENOMEM;
        return true;
    }
    whole->spoiled |= place_fault || fault;
    whole->time_ms = text->has_time ? text->time_ms : line->decoding->rules.now_ms;
    return true;
}

/* ---- wholes ------------------------------------------------------------------------------------ */

static int by_place(const void *a, const void *b) {
    const struct point *x = a, *y = b;
    return (x->at > y->at) - (x->at < y->at);
}

/* NULL, or why the buckets are invalid. The last one must reach to infinity, or _count must give the total. */
static const char *set_buckets(struct sample *sample, const struct prometheus_whole *whole) {
    unsigned n = whole->points_n;
    bool open = n > 0 && isinf(whole->points[n - 1].at);
    double before = 0;
    if (!open && !whole->has_count)
        return "the histogram has neither a bucket to +Inf nor a _count";
    n -= open;
    sample->bounds_n = n;
    for (unsigned i = 0; i <= n; i++) {
        double count = i < n || open ? whole->points[i].value : whole->count;
        if (count < before)
            return "a bucket counts less than one with a lower end";
        if (i < n)
            sample->bounds[i] = whole->points[i].at;
        sample->counts[i] = (uint64_t)(count - before);
        before = count;
    }
    return NULL;
}

static void set_quantiles(struct sample *sample, const struct prometheus_whole *whole) {
    sample->bounds_n = whole->points_n;
    for (unsigned i = 0; i < whole->points_n; i++) {
        sample->bounds[i] = whole->points[i].at;
        sample->values[i] = whole->points[i].value;
    }
    sample->counts[0] = (uint64_t)whole->count;
}

static void hand_on(const struct prometheus_parts *parts, const struct prometheus_whole *whole,
                    const struct body_line *line) {
    struct sample sample = {.name = parts->family,
                            .type = parts->type,
                            .cumulative = true,
                            .time_ms = whole->time_ms,
                            .value = whole->sum};
    const char *reason = NULL;
    if (whole->points_n > SAMPLE_BOUNDS) {
        body_line_refuse(line, 1, REFUSAL_LIMIT, "too many buckets or quantiles, at most 64");
        return;
    }
    if (whole->points_n > 0)
        qsort(whole->points, whole->points_n, sizeof(*whole->points), by_place);
    if (parts->type == SAMPLE_HISTOGRAM)
        reason = set_buckets(&sample, whole);
    else
        set_quantiles(&sample, whole);
    if (reason) {
        body_line_refuse(line, 1, REFUSAL_VALUE, reason);
        return;
    }
    body_line_label(&sample, whole->labels, whole->labels_n);
    body_line_take(line, &sample, (struct body_line_columns){1, 1});
}

void prometheus_parts_begin(struct prometheus_parts *parts, struct span family, enum sample_type type) {
    parts->family = family;
    parts->type = type;
}

void prometheus_parts_end(struct prometheus_parts *parts, struct decoding *decoding) {
    struct prometheus_whole *whole, *next;
    HASH_ITER(hh, parts->wholes, whole, next) {
        struct body_line line = {.decoding = decoding, .number = whole->line};
        if (!whole->spoiled && !decoding->error)
            hand_on(parts, whole, &line);
        HASH_DEL(parts->wholes, whole);
        free(whole->points);
        free(whole);
    }
    text_free(&parts->key);
    *parts = (struct prometheus_parts){0};
}
