/* Finds the end of an HTTP/1.1 message's head without looking at any byte twice.
 *
 *     bytes: | CRLF CRLF | GET / HTTP/1.1 CRLF | Host: a CRLF | Accept: te
 *            0           first                 second         line        seen
 *
 * The state is a few offsets, so the buffer may move between calls. Heads are decoded (http1.h,
 * http1_response.h) in one go once they are whole. */
#ifndef SLUICE_PROTO_HTTP1_SCAN_H
#define SLUICE_PROTO_HTTP1_SCAN_H

#include "proto/http1_verdict.h"

#include <stdbool.h>

#define HTTP1_HEAD_MAX    (16u * 1024) /* bytes of a head, empty lines before it and after it included */
#define HTTP1_TARGET_MAX  (8u * 1024)  /* bytes of a request target */
#define HTTP1_METHOD_MAX  32u
#define HTTP1_FIELDS_MAX  100u /* field lines: the room to offer in struct http1_fields */
#define HTTP1_EMPTY_LINES 8u   /* empty lines skipped before a request */

struct http1_limits {
    size_t head, target;
};

#define HTTP1_LIMITS ((struct http1_limits){HTTP1_HEAD_MAX, HTTP1_TARGET_MAX})

/* All 0 before the first byte of a message; the parsers make it so again when they answer FRAME. */
struct http1_scan {
    size_t first;  /* start of the first line that is not empty */
    size_t second; /* start of the line after it; 0: the first line is not whole */
    size_t line;   /* start of the line being received */
    size_t seen;   /* that line's end is not before this */
};

/* After MORE on n bytes: only empty lines have come, nothing of a message. The caller may drop the n bytes and start
 * afresh: such a connection is idle. */
static inline bool http1_scan_idle(const struct http1_scan *scan, size_t n) {
    return scan->first == n;
}

/* Skips empty lines at the start (RFC 9112, 2.2). FRAME: scan->first is the first byte of a line. MORE; BAD: 400. */
struct http1_verdict http1_scan_empty_lines(struct http1_scan *scan, const char *bytes, size_t n);

/* Looks for the line that ends the head. The first line may have line_max bytes and the head head_max, line ends
 * included. FRAME: the head is the first verdict.n bytes. BAD: 400 a line without CR, 414 the first line is too long,
 * 431 the head is too long. */
struct http1_verdict http1_scan_head(struct http1_scan *scan, const char *bytes, size_t n, size_t line_max,
                                     size_t head_max);

#endif
