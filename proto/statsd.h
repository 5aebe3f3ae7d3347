/* statsd, with the tags of DogStatsD: NAME:VALUE|TYPE[|@RATE][|#TAG:VALUE,...]. Pure. */
#ifndef SLUICE_PROTO_STATSD_H
#define SLUICE_PROTO_STATSD_H

#include "proto/metric_line.h"
#include "proto/sample.h"

enum statsd_kind { STATSD_COUNTER, STATSD_GAUGE, STATSD_TIMER, STATSD_HISTOGRAM, STATSD_SET };

struct statsd {
    struct span name;
    enum statsd_kind kind;
    bool relative; /* a gauge's value with a sign changes it */
    double value;
    double rate; /* 1: every event is there */
    unsigned tags_n;
    struct sample_label tags[SAMPLE_LABELS]; /* one without a value has "true" */
};

/* Reads a line without its end. False: line->error says why, and where. */
bool statsd_read(struct metric_line *line, struct statsd *out);

#endif
