/* Newline framing: one message a line.
 *
 *     line LF line CR LF line LF          the CR is not part of the line
 *     | verdict.n |
 */
#ifndef SLUICE_PROTO_LINES_H
#define SLUICE_PROTO_LINES_H

#include "proto/span.h"
#include "proto/verdict.h"

/* Looks for the end of the line at the start of n bytes, the first `seen` of which are known to have no newline.
 * FRAME: *line is the line, verdict.n its length including the line end. BAD with TOO_LARGE: the line is longer than
 * limit, reported as soon as that is certain. */
struct verdict lines_decode(const void *bytes, size_t n, size_t seen, size_t limit, struct span *line);

#endif
