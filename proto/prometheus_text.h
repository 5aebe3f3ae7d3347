/* Prometheus text, exposition format 0.0.4, line by line, and what OpenMetrics 1.0 adds: exemplars, times in seconds.
 * Pure; unescapes in place. */
#ifndef SLUICE_PROTO_PROMETHEUS_TEXT_H
#define SLUICE_PROTO_PROMETHEUS_TEXT_H

#include "proto/metric_line.h"
#include "proto/sample.h"

enum prometheus_kind { PROMETHEUS_NOTHING, PROMETHEUS_TYPE, PROMETHEUS_SAMPLE };

struct prometheus_text {
    enum prometheus_kind kind;
    struct span name;
    struct span type; /* of a TYPE line: counter, gauge, histogram, summary, untyped */
    unsigned labels_n;
    struct sample_label labels[SAMPLE_LABELS];
    double value;
    size_t value_column;
    bool has_time;
    int64_t time_ms;
    size_t time_column;
};

/* Reads a line without its end. False: line->error says why, and where. */
bool prometheus_text_read(struct metric_line *line, struct prometheus_text *out);

#endif
