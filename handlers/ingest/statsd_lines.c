#include "handlers/ingest/body_lines.h"
#include "handlers/ingest/lines.h"
#include "handlers/ingest/observation.h"
#include "handlers/ingest/statsd_sets.h"
#include "proto/statsd.h"

#include <errno.h>
#include <math.h>

#define EVENTS_MAX 1e6 /* that a sampled observation may stand for */

static void set_value(struct sample *sample, const struct statsd *event, const struct statsd_value *value) {
    double events = 1 / event->rate < EVENTS_MAX ? 1 / event->rate : EVENTS_MAX;
    sample->value = value->number;
    if (event->kind == STATSD_COUNTER) {
        sample->type = SAMPLE_COUNTER;
        sample->value /= event->rate;
    } else if (event->kind == STATSD_GAUGE) {
        sample->type = SAMPLE_GAUGE;
        sample->cumulative = value->relative;
    } else {
        sample->type = SAMPLE_HISTOGRAM;
        sample->value /= event->kind == STATSD_TIMER ? 1000 : 1;
        observation_set(sample, (uint64_t)llround(events));
    }
}

/* Adds a value to its set, which waits for the end of the interval. */
static void take_set(const struct body_line *line, const struct statsd *event, struct sample *sample) {
    struct decoding *decoding = line->decoding;
    struct fault fault;
    size_t column = event->name.n + 2;
    if (!validate_sample(&decoding->rules, sample, &fault)) {
        body_line_refuse(line, 1, fault.code, fault.message);
        return;
    }
    int error = statsd_sets_add(decoding->sets, sample, event->values);
    if (error == -ENOSPC)
        body_line_refuse(line, column, REFUSAL_LIMIT, "too many values of sets in this interval");
    else if (error)
        decoding->error = error;
}

static void statsd_line(struct body_line *line, void *argument) {
    struct statsd *event = argument;
    struct statsd_value value;
    if (!statsd_read(&line->text, event)) {
        body_line_refuse(line, line->text.column, REFUSAL_SYNTAX, line->text.error);
        return;
    }
    struct sample sample = {.name = event->name,
                            .time_ms = event->has_time ? event->time_ms : line->decoding->rules.now_ms};
    if (event->kind == STATSD_SET) {
        body_line_label(&sample, event->tags, event->tags_n);
        take_set(line, event, &sample);
        return;
    }
    while (statsd_next(&line->text, event, &value)) {
        sample.name = event->name; /* it may have been escaped, the labels sorted */
        body_line_label(&sample, event->tags, event->tags_n);
        set_value(&sample, event, &value);
        body_line_take(line, &sample, (struct body_line_columns){value.column, 1});
    }
}

void statsd_decode(struct decoding *decoding, struct span body) {
    struct statsd event;
    body_lines_each(decoding, body, statsd_line, &event);
}
