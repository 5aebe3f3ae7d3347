/* What the line formats of metrics share: a cursor that unescapes in place and remembers the first error and its place.
 *
 *     line: [ consumed | at ... | end )      an error is a constant sentence and the column, from 1 on, in bytes
 *
 * In a format whose strings may span lines, the reader moves `end` on, at most up to `most`. */
#ifndef SLUICE_PROTO_METRIC_LINE_H
#define SLUICE_PROTO_METRIC_LINE_H

#include "proto/span.h"

#include <stdint.h>

struct metric_line {
    char *start, *at, *end, *most;
    const char *error; /* NULL: none yet */
    size_t column;     /* of the error */
};

static inline struct metric_line metric_line_of(char *line, size_t n) {
    return (struct metric_line){line, line, line + n, line + n, NULL, 0};
}

/* Records the first error, at the cursor or at a place. Always returns false. */
bool metric_line_fail(struct metric_line *line, const char *error);
bool metric_line_fail_at(struct metric_line *line, const char *place, const char *error);
/* Takes the byte if it is next. */
bool metric_line_skip(struct metric_line *line, char c);
void metric_line_spaces(struct metric_line *line);
/* Takes everything up to one of the stops or the end; a backslash before one of `escaped` is dropped. */
struct span metric_line_word(struct metric_line *line, const char *stops, const char *escaped);
/* A whole span as a number, as strtod(3) reads it in the C locale, but without hexadecimal. False: it is not one. */
bool metric_number(struct span text, double *out);
/* A whole span as a decimal integer. */
bool metric_integer(struct span text, int64_t *out);

#endif
