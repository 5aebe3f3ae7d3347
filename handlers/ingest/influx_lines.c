#include "handlers/ingest/body_lines.h"
#include "handlers/ingest/lines.h"
#include "proto/influx.h"
#include "proto/uri.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

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
    } units[] = {{"", 1e6}, {"ns", 1e6}, {"n", 1e6},       {"us", 1e3},       {"u", 1e3},
                 {"ms", 1}, {"s", 1e-3}, {"m", 1e-3 / 60}, {"h", 1e-3 / 3600}};
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

/* In integers: today's time in nanoseconds has more digits than a double. */
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

static void influx_line(struct body_line *line, void *argument) {
    struct influx_context *context = argument;
    struct influx_point *point = &context->point;
    struct sample sample = {.type = SAMPLE_GAUGE, .time_ms = line->decoding->rules.now_ms};
    metric_line_spaces(&line->text);
    if (line->text.at == line->text.end || *line->text.at == '#')
        return;
    if (!influx_read(&line->text, point)) {
        body_line_refuse(line, line->text.column, REFUSAL_SYNTAX, line->text.error);
        return;
    }
    if (point->has_time)
        sample.time_ms = to_ms(point->time, context->per_ms);
    for (unsigned i = 0; i < point->fields_n; i++) {
        const struct influx_field *field = &point->fields[i];
        body_line_label(&sample, point->tags, point->tags_n); /* the last one may have sorted them */
        sample.value = field->value;
        if (field->kind == INFLUX_STRING)
            body_line_refuse(line, field->column, REFUSAL_VALUE, "a string is no metric");
        else if (influx_name(context, field->key, &sample.name))
            body_line_take(line, &sample, (struct body_line_columns){field->column, point->time_column});
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
        body_lines_each(decoding, body, influx_line, context);
    else
        decoding_spoil(decoding, &(struct place){.is_line = true, .number = 1},
                       "the query's precision is one of ns, us, ms, s, m and h");
    free(context->name);
    free(context);
}
