/* A sample: one measured value of one series, whatever format it came in, and its form in the log.
 *
 *     JSON, OTLP, lines, text, statsd -> struct sample (spans into the body) -> sample_encode() -> log
 *     log -> sample_decode() -> struct sample (spans into the record) -> series, JSON lines, forwarders
 *
 * Encoded, little endian: u32 length of the rest | u8 type | u8 flags | u8 labels | u8 bounds | i64 time_ms |
 * f64 value | u16 n, name | for each label: u16 n, name, u16 n, value | histogram: bounds x f64, (bounds + 1) x u64 |
 * summary: bounds x f64, bounds x f64, u64 */
#ifndef SLUICE_PROTO_SAMPLE_H
#define SLUICE_PROTO_SAMPLE_H

#include "proto/span.h"

#include <stdint.h>

#define SAMPLE_LABELS 64
#define SAMPLE_BOUNDS 64

/* The numbers are in the log: only append. */
enum sample_type { SAMPLE_GAUGE, SAMPLE_COUNTER, SAMPLE_HISTOGRAM, SAMPLE_SUMMARY, SAMPLE_TYPES };

struct sample_label {
    struct span name, value;
};

struct sample {
    struct span name;
    enum sample_type type;
    /* counter, histogram, always a summary: since the emitter's start, not since its last sample; a gauge: not yet
     * settled, its value is a change (series.h) */
    bool cumulative;
    int64_t time_ms; /* since 1970 */
    double value;    /* of a histogram or summary: the sum of what was observed */
    unsigned labels_n, bounds_n;
    struct sample_label labels[SAMPLE_LABELS];
    /* Of a histogram: upper ends of its buckets, without infinity; of a summary: its quantiles. Both ascend. */
    double bounds[SAMPLE_BOUNDS];
    /* Of a histogram: in each bucket, not summed up, bounds_n + 1 of them; of a summary: counts[0] were observed. */
    uint64_t counts[SAMPLE_BOUNDS + 1];
    double values[SAMPLE_BOUNDS]; /* of a summary: at each quantile */
};

/* "gauge", "counter", "histogram", "summary". */
const char *sample_type_name(enum sample_type type);
/* The type of this name among those before `end`; `end` if it is none of them. */
enum sample_type sample_type_named(struct span name, enum sample_type end);
/* Bytes of the encoded sample. */
size_t sample_size(const struct sample *sample);
/* Writes sample_size() bytes; names and values are at most UINT16_MAX long. */
void sample_encode(const struct sample *sample, char *out);
/* Sets the value of an encoded gauge, which is no longer cumulative then. */
void sample_set_gauge(char *encoded, double value);
/* What identifies the series of a decoded sample: its name and labels as they are encoded. */
struct span sample_series(const struct sample *decoded);
/* Takes the next text off such a series: the name, then name and value of each label. */
struct span sample_take_text(struct span *series);
/* Takes the next sample off *rest. 0; -ENODATA at the end; -EINVAL: this is not a sample. */
int sample_decode(struct span *rest, struct sample *out);

#endif
