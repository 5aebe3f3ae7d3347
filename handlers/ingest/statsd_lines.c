#include "handlers/ingest/body_lines.h"
#include "handlers/ingest/lines.h"
#include "handlers/ingest/observation.h"
#include "proto/statsd.h"

#include <math.h>

static void statsd_line(struct body_line *line, void *argument) {
    struct statsd *event = argument;
    if (!statsd_read(&line->text, event)) {
        body_line_refuse(line, line->text.column, REFUSAL_SYNTAX, line->text.error);
        return;
    }
    struct sample sample = {
        .name = event->name, .value = event->value, .time_ms = line->decoding->rules.now_ms};
    size_t column = event->name.n + 2;
    body_line_label(&sample, event->tags, event->tags_n);
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
        body_line_refuse(line, column, REFUSAL_TYPE, "sets are not supported");
        return;
    }
    body_line_take(line, &sample, (struct body_line_columns){column, 1});
}

void statsd_decode(struct decoding *decoding, struct span body) {
    struct statsd event;
    body_lines_each(decoding, body, statsd_line, &event);
}
