/* The lines of a body, one by one, and how their samples and faults are handed on with their place.
 *
 *     body -> body_lines_each() -> read(line) -> body_line_take(sample) | body_line_refuse(column) */
#ifndef SLUICE_HANDLERS_INGEST_BODY_LINES_H
#define SLUICE_HANDLERS_INGEST_BODY_LINES_H

#include "handlers/ingest/decode.h"
#include "proto/metric_line.h"

/* The line in hand. */
struct body_line {
    struct decoding *decoding;
    struct metric_line text;
    uint32_t number; /* from 1 on */
};

/* Where a sample's parts are in its line, from 1 on. */
struct body_line_columns {
    size_t value, time;
};

/* Calls read for each line of the body that is not empty, without its end (LF or CR LF); it may find the line to be
 * longer (metric_line.h). The body is the decoder's own: lines are unescaped in place, what they say is valid as long
 * as the body is. */
void body_lines_each(struct decoding *decoding, struct span body,
                     void (*read)(struct body_line *line, void *context), void *context);
void body_line_refuse(const struct body_line *line, size_t column, enum refusal code, const char *message);
/* Hands a sample on; a fault is shown at the part of the line that it is about. */
void body_line_take(const struct body_line *line, struct sample *sample, struct body_line_columns columns);
/* Labels that the sample may reorder. */
void body_line_label(struct sample *sample, const struct sample_label *labels, unsigned n);

#endif
