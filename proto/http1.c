#include "proto/http1.h"

#define VERSION_LENGTH 8 /* HTTP/1.1 */
#define REQUEST_LINE_MAX(limits)                                                                             \
    (HTTP1_METHOD_MAX + sizeof(" ") - 1 + (limits)->target + sizeof(" \r\n") - 1 + VERSION_LENGTH)

/* RFC 9112, 3: method SP request-target SP HTTP-version */
static struct http1_verdict decode_method(struct span line, struct http1_request *out) {
    size_t n = char_run(line.p, line.n < HTTP1_METHOD_MAX + 1 ? line.n : HTTP1_METHOD_MAX + 1, CHAR_TOKEN);
    if (n > HTTP1_METHOD_MAX)
        return http1_bad(501, "the method is longer than any known");
    if (n == 0 || n == line.n || line.p[n] != ' ')
        return http1_bad(400, "bad method");
    out->method_name = span_of(line.p, n);
    out->method = http1_method_of(out->method_name);
    return http1_frame(n + 1);
}

static struct http1_verdict decode_version(struct span version, struct http1_request *out) {
    const char *p = version.p;
    if (version.n != VERSION_LENGTH || memcmp(p, "HTTP/", 5) != 0 || p[6] != '.' ||
        !char_is(p[5], CHAR_DIGIT) || !char_is(p[7], CHAR_DIGIT))
        return http1_bad(400, "bad HTTP version");
    if (p[5] != '1')
        return http1_bad(505, "only HTTP/1.0 and HTTP/1.1 are supported");
    out->minor = p[7] > '0';
    return http1_frame(0);
}

static struct http1_verdict decode_line(struct span line, size_t target_max, struct http1_request *out) {
    struct http1_verdict verdict = decode_method(line, out);
    if (verdict.kind == VERDICT_BAD)
        return verdict;
    struct span rest = span_of(line.p + verdict.n, line.n - verdict.n);
    size_t n = char_run(rest.p, rest.n, CHAR_TARGET);
    if (n > target_max)
        return http1_bad(414, "the request target is longer than the limit");
    if (n == 0 || n == rest.n || rest.p[n] != ' ')
        return http1_bad(400, "bad request line");
    out->target = span_of(rest.p, n);
    return decode_version(span_of(rest.p + n + 1, rest.n - n - 1), out);
}

static void split_path(struct span text, struct http1_request *out) {
    const char *mark = memchr(text.p, '?', text.n);
    size_t n = mark ? (size_t)(mark - text.p) : text.n;
    out->path = n ? span_of(text.p, n) : span_text("/"); /* RFC 9110, 4.2.3 */
    out->query = mark ? span_of(mark + 1, text.n - n - 1) : span_of(NULL, 0);
}

/* RFC 9112, 3.2.2: scheme "://" authority path ["?" query], of which only http and https are ours. */
static const char *decode_absolute(struct http1_request *out, int *port_default) {
    struct span target = out->target;
    const char *colon = memchr(target.p, ':', target.n);
    struct span scheme = span_of(target.p, colon ? (size_t)(colon - target.p) : 0);
    bool https = span_equal_nocase(scheme, span_text("https"));
    if (!https && !span_equal_nocase(scheme, span_text("http")))
        return "bad request target";
    struct span rest = span_of(target.p + scheme.n, target.n - scheme.n);
    if (rest.n < 3 || memcmp(rest.p, "://", 3) != 0)
        return "bad request target";
    rest = span_of(rest.p + 3, rest.n - 3);
    size_t n = 0;
    while (n < rest.n && rest.p[n] != '/' && rest.p[n] != '?')
        n++;
    if (uri_authority_decode(span_of(rest.p, n), &out->host) != 0)
        return "bad host in the request target";
    *port_default = https ? 443 : 80;
    out->form = HTTP1_ABSOLUTE;
    split_path(span_of(rest.p + n, rest.n - n), out);
    if (out->method == HTTP1_OPTIONS && n == rest.n) { /* RFC 9112, 3.2.4 */
        out->form = HTTP1_ASTERISK;
        out->path = span_text("*");
    }
    return NULL;
}

/* RFC 9112, 3.2.3; RFC 9110, 9.3.6: the port is not optional. */
static const char *decode_connect(struct http1_request *out, int *port_default) {
    if (uri_authority_decode(out->target, &out->host) != 0 || out->host.port <= 0)
        return "CONNECT wants host:port";
    *port_default = out->host.port; /* Host may leave it out */
    out->form = HTTP1_AUTHORITY;
    out->path = span_of(out->target.p, 0);
    return NULL;
}

/* Tells the four forms apart. *port_default: what a Host field without a port is compared as. */
static const char *decode_target(struct http1_request *out, int *port_default) {
    out->host = (struct uri_authority){span_of(NULL, 0), -1};
    out->query = span_of(NULL, 0);
    if (out->method == HTTP1_CONNECT)
        return decode_connect(out, port_default);
    if (out->target.p[0] == '/') {
        out->form = HTTP1_ORIGIN;
        split_path(out->target, out);
        return NULL;
    }
    if (!span_equal(out->target, span_text("*")))
        return decode_absolute(out, port_default);
    out->form = HTTP1_ASTERISK;
    out->path = span_text("*");
    return out->method == HTTP1_OPTIONS ? NULL : "only OPTIONS has the target *"; /* RFC 9112, 3.2.4 */
}

/* RFC 9112, 3.2 and 3.2.2; a Host that differs from the target's is refused rather than ignored. */
static const char *decode_host(struct http1_request *out, int port_default) {
    struct span value;
    struct uri_authority host;
    unsigned found = http1_fields_find(&out->fields, span_text("Host"), &value);
    if (found == 0)
        return out->minor == 0 ? NULL : "no Host field";
    if (found > 1)
        return "more than one Host field";
    if (uri_authority_decode(value, &host) != 0)
        return "bad Host field";
    if (out->host.host.n == 0)
        out->host = host;
    else if (!uri_authority_equal(&out->host, &host, port_default))
        return "the Host field differs from the request target";
    return NULL;
}

/* The field lines, and what they and the target mean. */
static struct http1_verdict decode_rest(struct span lines, struct http1_request *out) {
    struct http1_verdict verdict = http1_fields_decode(lines, &out->fields);
    if (verdict.kind == VERDICT_BAD)
        return verdict;
    int port_default = 80;
    const char *fault = decode_target(out, &port_default);
    if (!fault)
        fault = decode_host(out, port_default);
    if (fault)
        return http1_bad(400, fault);
    return http1_framing_request(&out->fields, out->minor, &out->framing);
}

/* The first line exceeds its limit: because of the target, unless the line does not even begin with a method. */
static struct http1_verdict overlong(const struct http1_scan *scan, const char *bytes,
                                     struct http1_verdict verdict, struct http1_request *out) {
    struct http1_verdict method = decode_method(span_of(bytes + scan->first, scan->seen - scan->first), out);
    return method.kind == VERDICT_BAD ? method : verdict;
}

struct http1_verdict http1_decode(struct http1_scan *scan, const void *bytes, size_t n,
                                  const struct http1_limits *limits, struct http1_request *out) {
    const char *p = bytes;
    out->method = HTTP1_OTHER;
    out->method_name = out->target = span_of(NULL, 0);
    struct http1_verdict verdict = http1_scan_empty_lines(scan, p, n);
    if (verdict.kind != VERDICT_FRAME)
        return verdict;
    bool judged = scan->second > 0;
    verdict = http1_scan_head(scan, p, n, REQUEST_LINE_MAX(limits), limits->head);
    if (scan->second == 0)
        return verdict.http_status == 414 ? overlong(scan, p, verdict, out) : verdict;
    /* A bad request line is answered before its head is whole, and judged once until then. */
    if (verdict.kind != VERDICT_MORE || !judged) {
        struct span line = span_of(p + scan->first, scan->second - scan->first - 2);
        struct http1_verdict judgement = decode_line(line, limits->target, out);
        if (judgement.kind == VERDICT_BAD)
            return judgement;
    }
    if (verdict.kind != VERDICT_FRAME)
        return verdict;
    struct http1_verdict rest = decode_rest(span_of(p + scan->second, verdict.n - scan->second), out);
    if (rest.kind == VERDICT_BAD)
        return rest;
    *scan = (struct http1_scan){0};
    return verdict;
}
