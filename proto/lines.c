#include "proto/lines.h"

#define END_MAX 2 /* CR LF */

struct verdict lines_decode(const void *bytes, size_t n, size_t seen, size_t limit, struct span *line) {
    const char *p = bytes;
    const char *end = seen < n ? memchr(p + seen, '\n', n - seen) : NULL;
    size_t length = end ? (size_t)(end - p) : n;
    if (end && length > 0 && p[length - 1] == '\r')
        length--;
    if (length > limit && (end || n >= limit + END_MAX || p[limit] != '\r'))
        return verdict_bad(STATUS_TOO_LARGE, "a line longer than the limit");
    if (!end)
        return verdict_more(0);
    *line = span_of(p, length);
    return verdict_frame((size_t)(end - p) + 1);
}
