#include "handlers/ingest/lines.h"

#include "handlers/ingest/observation.h"
#include "proto/influx.h"
#include "proto/prometheus_text.h"
#include "proto/statsd.h"
#include "proto/uri.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

/* The line in hand. */
struct line {
    struct decoding *decoding;
    struct metric_line text;
    uint32_t number;
};

static void refuse(const struct line *line, size_t column, enum refusal code, const char *message) {
    struct place place = {.is_line = true, .number = line->number, .column = (uint32_t)column};
    decoding_refuse(line->decoding, &place, code, message);
}

static size_t column_of(const struct line *line, struct span part) {
    bool inside = part.p >= line->text.start && part.p <= line->text.end;
    return inside ? (size_t)(part.p - line->text.start) + 1 : 1;
}

/* Hands a sample on; a fault is shown at the label, or at the value's column. */
static void take(const struct line *line, struct sample *sample, size_t value_column) {
    struct fault fault;
    if (decoding_take(line->decoding, sample, line->number, &fault))
        return;
    size_t column = fault.part == PART_VALUE ? value_column
                    : fault.label.p          ? column_of(line, fault.label)
                                             : 1;
    refuse(line, column, fault.code, fault.message);
}

static void set_labels(struct sample *sample, const struct sample_label *labels, unsigned n) {
    memcpy(sample->labels, labels, n * sizeof(*labels));
    sample->labels_n = n;
}

/* Calls read for each line of the body that is not empty; the body is our own, and unescaped in place. */
static void each_line(struct decoding *decoding, struct span body,
                      void (*read)(struct line *line, void *context), void *context) {
    struct line line = {.decoding = decoding};
    while (body.n > 0) {
        const char *end = memchr(body.p, '\n', body.n);
        size_t n = end ? (size_t)(end - body.p) : body.n, text = n;
        if (text > 0 && body.p[text - 1] == '\r')
            text--;
        line.number++;
        line.text = metric_line_of((char *)(uintptr_t)body.p, text);
        if (text > 0)
            read(&line, context);
        body = span_of(body.p + n + (end != NULL), body.n - n - (end != NULL));
    }
}

/* ---- Influx ------------------------------------------------------------------------------------ */

struct influx_context {
    struct influx_point point;
    char *name; /* room for MEASUREMENT_FIELD */
    size_t name_room;
    double per_ms; /* units of the timestamp in a millisecond */
};

/* 0: none that is known. */
static double precision_of(struct span query) {
    static const struct {
        const char *word;
        double per_ms;
    } units[] = {{"ns", 1e6}, {"n", 1e6},  {"us", 1e3},      {"u", 1e3},
                 {"ms", 1},   {"s", 1e-3}, {"m", 1e-3 / 60}, {"h", 1e-3 / 3600}};
    struct uri_pair pair;
    while (uri_query_next(&query, &pair)) {
        if (!span_equal(pair.name, span_text("precision")))
            continue;
        for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
            if (span_equal(pair.value, span_text(units[i].word)))
                return units[i].per_ms;
        return 0;
    }
    return 1e6;
}

/* In whole numbers: nanoseconds of today have more digits than a double. */
static int64_t to_ms(int64_t time, double per_ms) {
    int64_t units = per_ms >= 1 ? (int64_t)per_ms : (int64_t)llround(1 / per_ms), ms;
    if (per_ms < 1)
        return __builtin_mul_overflow(time, units, &ms) ? (time < 0 ? INT64_MIN : INT64_MAX) : ms;
    return time / units - (time % units < 0);
}

/* The sample's name; False: no memory. */
static bool influx_name(struct influx_context *context, struct span key, struct span *name) {
    struct span measurement = context->point.measurement;
    size_t n = measurement.n + 1 + key.n;
    *name = measurement;
    if (span_equal(key, span_text("value")))
        return true;
    if (n > context->name_room) {
        char *more = realloc(context->name, n);
        if (!more)
            return false;
        context->name = more;
        context->name_room = n;
    }
    memcpy(context->name, measurement.p, measurement.n);
    context->name[measurement.n] = '_';
    memcpy(context->name + measurement.n + 1, key.p, key.n);
    *name = span_of(context->name, n);
    return true;
}

static void influx_line(struct line *line, void *argument) {
    struct influx_context *context = argument;
    struct influx_point *point = &context->point;
    struct sample sample = {.type = SAMPLE_GAUGE, .time_ms = line->decoding->rules.now_ms};
    metric_line_spaces(&line->text);
    if (line->text.at == line->text.end || *line->text.at == '#')
        return;
    if (!influx_read(&line->text, point)) {
        refuse(line, line->text.column, REFUSAL_SYNTAX, line->text.error);
        return;
    }
    if (point->has_time)
        sample.time_ms = to_ms(point->time, context->per_ms);
    for (unsigned i = 0; i < point->fields_n; i++) {
        const struct influx_field *field = &point->fields[i];
        set_labels(&sample, point->tags, point->tags_n); /* the last one may have sorted them */
        sample.value = field->value;
        if (field->kind == INFLUX_STRING)
            refuse(line, field->column, REFUSAL_VALUE, "a string is no metric");
        else if (influx_name(context, field->key, &sample.name))
            take(line, &sample, field->column);
        else
            line->decoding->error = -ENOMEM;
    }
}

void influx_decode(struct decoding *decoding, struct span body) {
    struct influx_context *context = calloc(1, sizeof(*context));
    if (!context) {
        decoding->error = -ENOMEM;
        return;
    }
    context->per_ms = precision_of(decoding->query);
    if (context->per_ms > 0)
        each_line(decoding, body, influx_line, context);
    else
        decoding_spoil(decoding, &(struct place){.is_line = true, .number = 1},
                       "the query's precision is one of ns, us, ms, s, m and h");
    free(context->name);
    free(context);
}

/* ---- Prometheus -------------------------------------------------------------------------------- */

struct prometheus_context {
    struct prometheus_text text;
    struct span family; /* of the last TYPE line */
    bool counts;        /* it is a counter */
    bool parts;         /* it is a histogram or summary */
};

static bool has_suffix(struct span name, struct span family, const char *suffix) {
    size_t n = strlen(suffix);
    return name.n == family.n + n && memcmp(name.p, family.p, family.n) == 0 &&
           memcmp(name.p + family.n, suffix, n) == 0;
}

static bool counts_up(const struct prometheus_context *context) {
    struct span name = context->text.name, family = context->family;
    if (context->counts)
        return span_equal(name, family);
    return context->parts && (has_suffix(name, family, "_bucket") || has_suffix(name, family, "_sum") ||
                              has_suffix(name, family, "_count"));
}

static void prometheus_line(struct line *line, void *argument) {
    struct prometheus_context *context = argument;
    struct prometheus_text *text = &context->text;
    if (!prometheus_text_read(&line->text, text)) {
        refuse(line, line->text.column, REFUSAL_SYNTAX, line->text.error);
        return;
    }
    if (text->kind == PROMETHEUS_TYPE) {
        context->family = text->name;
        context->counts = span_equal(text->type, span_text("counter"));
        context->parts =
            span_equal(text->type, span_text("histogram")) || span_equal(text->type, span_text("summary"));
    }
    if (text->kind != PROMETHEUS_SAMPLE)
        return;
    struct sample sample = {
        .name = text->name, .value = text->value, .time_ms = line->decoding->rules.now_ms};
    sample.cumulative = counts_up(context) && text->value >= 0;
    sample.type = sample.cumulative ? SAMPLE_COUNTER : SAMPLE_GAUGE;
    if (text->has_time)
        sample.time_ms = text->time_ms;
    set_labels(&sample, text->labels, text->labels_n);
    take(line, &sample, text->value_column);
}

void prometheus_decode(struct decoding *decoding, struct span body) {
    struct prometheus_context context = {.counts = false};
    each_line(decoding, body, prometheus_line, &context);
}

/* ---- statsd ------------------------------------------------------------------------------------ */

static void statsd_line(struct line *line, void *argument) {
    struct statsd *event = argument;
    if (!statsd_read(&line->text, event)) {
        refuse(line, line->text.column, REFUSAL_SYNTAX, line->text.error);
        return;
    }
    struct sample sample = {
        .name = event->name, .value = event->value, .time_ms = line->decoding->rules.now_ms};
    size_t column = event->name.n + 2;
    set_labels(&sample, event->tags, event->tags_n);
    switch (event->kind) {
    case STATSD_COUNTER:
        sample.type = SAMPLE_COUNTER;
        sample.value /= event->rate;
        break;
    case STATSD_GAUGE:
        sample.cumulative = event->relative;
        break;
    case STATSD_TIMER:
    case STATSD_HISTOGRAM:
        sample.type = SAMPLE_HISTOGRAM;
        sample.value /= event->kind == STATSD_TIMER ? 1000 : 1;
        observation_set(&sample, (uint64_t)llround(1 / event->rate < 1e6 ? 1 / event->rate : 1e6));
        break;
    case STATSD_SET:
        refuse(line, column, REFUSAL_TYPE, "sets are not supported");
        return;
    }
    take(line, &sample, column);
}

void statsd_decode(struct decoding *decoding, struct span body) {
    struct statsd event;
    each_line(decoding, body, statsd_line, &event);
}
