/* The lines of a body, one by one; their samples and faults are passed on with their place.
 *
 *     body -> body_lines_each() -> read(line) -> body_line_take(sample) | body_line_refuse(column) */
#ifndef SLUICE_HANDLERS_INGEST_BODY_LINES_H
#define SLUICE_HANDLERS_INGEST_BODY_LINES_H

#include "handlers/ingest/decode.h"
#include "proto/metric_line.h"

/* The current line. */
struct body_line {
    struct decoding *decoding;
    struct metric_line text;
    uint32_t number; /* from 1 on */
};

/* Where a sample's parts are in its line, from 1 on. */
struct body_line_columns {
    size_t value, time;
};

/* Calls read for each non-empty line of the body, without its end (LF or CR LF); read may extend the line
 * (metric_line.h). Lines are unescaped in place, so the body must be the decoder's own; spans of them are valid as long
 * as the body is. */
void body_lines_each(struct decoding *decoding, struct span body,
                     void (*read)(struct body_line *line, void *context), void *context);
void body_line_refuse(const struct body_line *line, size_t column, enum refusal code, const char *message);
/* Passes on a sample; a fault is reported at the part of the line that it is about. */
void body_line_take(const struct body_line *line, struct sample *sample, struct body_line_columns columns);
/* Gives the sample a copy of the labels, which it may reorder. */
void body_line_label(struct sample *sample, const struct sample_label *labels, unsigned n);

#endif
