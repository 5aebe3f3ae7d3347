/* Decoders of the line formats, which turn them into samples.
 *
 *     body -> line by line -> proto/influx.h | prometheus_text.h | statsd.h -> samples
 *     Influx: each field is a gauge MEASUREMENT_FIELD (MEASUREMENT for the field `value`); precision in the query
 *     Prometheus: counters (cumulative), histograms and summaries as their TYPE lines say; the rest gauges
 *     statsd: c counts value / rate, g is a gauge, with a sign a change of it, ms (as seconds), h and d are
 *     observations, s is one of a set's values (statsd_sets.h) */
#ifndef SLUICE_HANDLERS_INGEST_LINES_H
#define SLUICE_HANDLERS_INGEST_LINES_H

#include "handlers/ingest/decode.h"

void influx_decode(struct decoding *decoding, struct span body);
void prometheus_decode(struct decoding *decoding, struct span body);
void statsd_decode(struct decoding *decoding, struct span body);

#endif
