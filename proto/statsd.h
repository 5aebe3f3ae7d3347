/* statsd, with what DogStatsD adds: NAME:VALUE[:VALUE...]|TYPE[|@RATE][|#TAG:VALUE,...][|TUNIX_SECONDS]. Pure. */
#ifndef SLUICE_PROTO_STATSD_H
#define SLUICE_PROTO_STATSD_H

#include "proto/metric_line.h"
#include "proto/sample.h"

enum statsd_kind { STATSD_COUNTER, STATSD_GAUGE, STATSD_TIMER, STATSD_HISTOGRAM, STATSD_SET };

struct statsd {
    struct span name;
    enum statsd_kind kind;
    struct span values; /* as written; a set has one, of any text */
    double rate;        /* 1: not sampled */
    bool has_time;
    int64_t time_ms;
    unsigned tags_n;
    struct sample_label tags[SAMPLE_LABELS]; /* one without a value has "true" */
};

struct statsd_value {
    double number;
    bool relative; /* a gauge's value with a sign changes it */
    size_t column; /* from 1 on */
};

/* Reads a line without its end. False: line->error says why, and where. */
bool statsd_read(struct metric_line *line, struct statsd *out);
/* Takes the next value off; not for a set. False: that was the last. */
bool statsd_next(const struct metric_line *line, struct statsd *statsd, struct statsd_value *out);

#endif
