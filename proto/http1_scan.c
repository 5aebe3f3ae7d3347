#include "proto/http1_scan.h"

#include <string.h>

struct http1_verdict http1_scan_empty_lines(struct http1_scan *scan, const char *bytes, size_t n) {
    while (scan->first < n && bytes[scan->first] == '\r') {
        if (scan->first == 2 * HTTP1_EMPTY_LINES)
            return http1_bad(400, "too many empty lines before the request");
        if (scan->first + 1 == n)
            return http1_more();
        if (bytes[scan->first + 1] != '\n')
            return http1_bad(400, "a bare CR");
        scan->first += 2;
        scan->line = scan->seen = scan->first;
    }
    return scan->first == n ? http1_more() : http1_frame(0);
}

/* The end of the line at scan->line, if it is before max. */
static struct http1_verdict scan_line(struct http1_scan *scan, const char *bytes, size_t n, size_t max) {
    size_t stop = n < max ? n : max;
    const char *lf = scan->seen < stop ? memchr(bytes + scan->seen, '\n', stop - scan->seen) : NULL;
    if (!lf) {
        scan->seen = stop;
        return n < max ? http1_more() : http1_bad(431, "the head is longer than the limit");
    }
    size_t end = (size_t)(lf - bytes);
    if (end == scan->line || lf[-1] != '\r')
        return http1_bad(400, "a line ends with a bare LF");
    return http1_frame(end + 1);
}

struct http1_verdict http1_scan_head(struct http1_scan *scan, const char *bytes, size_t n, size_t line_max,
                                     size_t head_max) {
    for (;;) {
        bool first = scan->second == 0;
        size_t line_stop = first ? scan->first + line_max : head_max;
        struct http1_verdict line = scan_line(scan, bytes, n, line_stop < head_max ? line_stop : head_max);
        if (line.kind == VERDICT_BAD && line.http_status == 431 && first)
            return http1_bad(414, "the first line is longer than the limit");
        if (line.kind != VERDICT_FRAME)
            return line;
        bool empty = line.n - scan->line == 2;
        scan->line = scan->seen = line.n;
        if (first)
            scan->second = line.n;
        if (empty)
            return line;
    }
}
