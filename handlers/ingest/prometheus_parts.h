/* Histograms and summaries of Prometheus text, put together from lines that have one number each.
 *
 *     # TYPE lag histogram           begin(lag)
 *     lag_bucket{app="a",le="1"} 3   add() --+
 *     lag_bucket{app="a",le="+Inf"} 4  add --+- the same labels but for le and quantile: one sample,
 *     lag_sum{app="a"} 7             add() --+  cumulative, handed on with the first of its lines
 *     lag_count{app="a"} 4           add() --'
 *     the next TYPE line, or the end end()
 */
#ifndef SLUICE_HANDLERS_INGEST_PROMETHEUS_PARTS_H
#define SLUICE_HANDLERS_INGEST_PROMETHEUS_PARTS_H

#include "handlers/http/text.h"
#include "handlers/ingest/body_lines.h"
#include "proto/prometheus_text.h"

struct prometheus_whole;

/* A family whose lines are being read; all zeros at first. */
struct prometheus_parts {
    struct span family;
    enum sample_type type;           /* SAMPLE_HISTOGRAM, SAMPLE_SUMMARY; others have no parts */
    struct prometheus_whole *wholes; /* by labels, in the order of their first lines */
    struct text key;                 /* of the line in hand */
};

void prometheus_parts_begin(struct prometheus_parts *parts, struct span family, enum sample_type type);
/* False: the line is not part of the family; else it was taken, or refused with a reason. */
bool prometheus_parts_add(struct prometheus_parts *parts, const struct body_line *line,
                          const struct prometheus_text *text);
/* Passes on what has been put together, and frees it. */
void prometheus_parts_end(struct prometheus_parts *parts, struct decoding *decoding);

#endif
