#include "proto/http1_response.h"

#define STATUS_AT 9  /* in HTTP/1.1 200 OK */
#define CODE_END  12 /* RFC 9112, 4: then a space, even if there is no reason; some servers leave it out */

/* Returns the fault or NULL. */
static const char *decode_line(struct span line, struct http1_response *out) {
    const char *p = line.p;
    if (line.n < CODE_END || memcmp(p, "HTTP/1.", 7) != 0 || !char_is(p[7], CHAR_DIGIT) || p[8] != ' ' ||
        (line.n > CODE_END && p[CODE_END] != ' '))
        return "bad status line";
    uint64_t status;
    if (span_number(span_of(p + STATUS_AT, 3), 599, &status) != 0 || status < 100)
        return "bad status code"; /* RFC 9110, 15 */
    size_t at = line.n > CODE_END ? CODE_END + 1 : CODE_END;
    struct span reason = span_of(p + at, line.n - at);
    if (char_run(reason.p, reason.n, CHAR_VALUE) != reason.n)
        return "a control byte in the reason phrase";
    out->status = (int)status;
    out->minor = p[7] > '0';
    out->reason = reason;
    return NULL;
}

struct http1_verdict http1_response_decode(struct http1_scan *scan, const void *bytes, size_t n,
                                           const struct http1_limits *limits, enum http1_method method,
                                           bool upgrade_asked, struct http1_response *out) {
    const char *p = bytes;
    bool judged = scan->second > 0;
    struct http1_verdict verdict = http1_scan_head(scan, p, n, limits->head, limits->head);
    bool whole = verdict.kind == VERDICT_FRAME;
    if (scan->second > 0 && (whole || !judged)) {
        const char *fault = decode_line(span_of(p, scan->second - 2), out);
        if (fault)
            return http1_bad(502, fault);
    }
    if (!whole)
        return verdict.kind == VERDICT_BAD ? http1_bad(502, verdict.reason) : verdict;
    struct span lines = span_of(p + scan->second, verdict.n - scan->second);
    struct http1_verdict rest = http1_fields_decode(lines, &out->fields);
    if (rest.kind == VERDICT_FRAME)
        rest = http1_framing_response(&out->fields, out->minor, out->status, method, upgrade_asked,
                                      &out->framing);
    if (rest.kind == VERDICT_BAD)
        return http1_bad(502, rest.reason);
    *scan = (struct http1_scan){0};
    return verdict;
}
