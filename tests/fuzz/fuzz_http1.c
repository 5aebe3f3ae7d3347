/* Request heads: the verdict does not depend on the cuts, all spans lie in the head, a second parser sees the
 * same framing, and what is written again from what was read reads the same.
 *
 *     input: target limit (1 byte, times 4), head limit (1 byte, times 16), 0 for the defaults; the bytes
 */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/naive_head.h"

#include "proto/http1.h"
#include "proto/http1_writer.h"

enum { FIELDS = 12, CUTS = 2048, TEXT = HTTP1_HEAD_MAX + 4096 };

static bool inside(struct span s, const char *bytes, size_t n) {
    return s.n == 0 || (s.p >= bytes && s.p + s.n <= bytes + n);
}

/* What is known of the request line, also of a head that is refused. */
static void check_line(const struct http1_request *r, const char *bytes, size_t n) {
    fuzz_check(inside(r->method_name, bytes, n) && inside(r->target, bytes, n));
    fuzz_check(r->method == http1_method_of(r->method_name));
    fuzz_check(r->target.n == 0 || (r->method_name.n > 0 && r->target.p > r->method_name.p));
}

static void check_spans(const struct http1_request *r, const char *bytes, size_t n) {
    check_line(r, bytes, n);
    fuzz_check(inside(r->query, bytes, n) && inside(r->host.host, bytes, n));
    fuzz_check(inside(r->path, bytes, n) || (r->path.n == 1 && (*r->path.p == '/' || *r->path.p == '*')));
    fuzz_check(r->fields.n <= FIELDS);
    for (unsigned i = 0; i < r->fields.n; i++)
        fuzz_check(inside(r->fields.list[i].name, bytes, n) && inside(r->fields.list[i].value, bytes, n));
}

static void check_meaning(const struct http1_request *r, const char *bytes, size_t n) {
    struct naive_head head = naive_head_of(bytes, n);
    naive_framing(&head, &r->framing);
    fuzz_check(head.lines == r->fields.n);
    fuzz_check(head.hosts == 1 || (head.hosts == 0 && r->minor == 0));
    fuzz_check(head.codings == 0 || r->minor == 1);
    fuzz_check((r->method == HTTP1_CONNECT) == (r->form == HTTP1_AUTHORITY));
    fuzz_check(r->form != HTTP1_ASTERISK || r->method == HTTP1_OPTIONS);
    fuzz_check(r->form == HTTP1_AUTHORITY || r->form == HTTP1_ASTERISK || r->path.p[0] == '/');
    fuzz_check(r->host.host.n > 0 || r->minor == 0);
    fuzz_check(r->framing.body <= HTTP1_BODY_CHUNKED);
}

static size_t write_again(const struct http1_request *r, char out[TEXT]) {
    struct http1_writer writer;
    http1_writer_init(&writer, out, TEXT);
    http1_writer_request(&writer, r->method_name, r->target);
    fuzz_check(writer.error == 0);
    out[writer.n - 3] = (char)('0' + r->minor);
    for (unsigned i = 0; i < r->fields.n; i++)
        http1_writer_field(&writer, r->fields.list[i].name, r->fields.list[i].value);
    fuzz_check(http1_writer_end(&writer) == 0);
    return writer.n;
}

static void check_equal(const struct http1_framing *a, const struct http1_framing *b) {
    fuzz_check(a->body == b->body && a->length == b->length && a->keep_alive == b->keep_alive);
    fuzz_check(a->expect_continue == b->expect_continue && a->upgrade == b->upgrade);
}

static void check_round_trip(const struct http1_request *r) {
    static char text[TEXT], again[TEXT];
    struct http1_field list[FIELDS];
    struct http1_request read = {.fields = {list, 0, FIELDS}};
    struct http1_limits wide = {TEXT, TEXT};
    struct http1_scan scan = {0};
    size_t n = write_again(r, text);
    struct http1_verdict verdict = http1_decode(&scan, text, n, &wide, &read);
    fuzz_check(verdict.kind == VERDICT_FRAME && verdict.n == n);
    check_equal(&r->framing, &read.framing);
    fuzz_check(read.form == r->form && read.method == r->method && read.minor == r->minor);
    fuzz_check(span_equal(read.path, r->path) && span_equal(read.query, r->query));
    fuzz_check(span_equal(read.host.host, r->host.host) && read.host.port == r->host.port);
    fuzz_check(write_again(&read, again) == n && memcmp(text, again, n) == 0);
}

/* Shows ever longer prefixes, each at another address, until one is decided. */
static void check_cuts(const char *bytes, size_t n, const struct http1_limits *limits,
                       struct http1_verdict whole) {
    struct http1_field list[FIELDS];
    struct http1_scan scan = {0};
    struct http1_verdict verdict = {.kind = VERDICT_MORE};
    size_t shown = 0;
    while (shown < n && verdict.kind == VERDICT_MORE) {
        struct http1_request request = {.fields = {list, 0, FIELDS}};
        char *part = fuzz_copy(bytes, ++shown);
        verdict = http1_decode(&scan, part, shown, limits, &request);
        fuzz_check(scan.seen <= shown && scan.line <= shown && scan.second <= shown);
        if (verdict.kind == VERDICT_FRAME)
            check_spans(&request, part, verdict.n);
        if (verdict.kind == VERDICT_BAD)
            check_line(&request, part, shown);
        free(part);
    }
    fuzz_check(verdict.kind == whole.kind && verdict.http_status == whole.http_status);
    fuzz_check(verdict.n == whole.n && verdict.reason == whole.reason);
    fuzz_check(verdict.kind != VERDICT_FRAME || shown == verdict.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 3)
        return 0;
    struct http1_limits limits = HTTP1_LIMITS;
    if (data[0])
        limits.target = data[0] * 4u;
    if (data[1])
        limits.head = data[1] * 16u;
    size_t n = size - 2;
    char *bytes = fuzz_copy(data + 2, n);
    struct http1_field list[FIELDS];
    struct http1_request request = {.fields = {list, 0, FIELDS}};
    struct http1_scan scan = {0};
    struct http1_verdict verdict = http1_decode(&scan, bytes, n, &limits, &request);
    if (verdict.kind == VERDICT_FRAME) {
        size_t empty = 0;
        while (empty < verdict.n && (bytes[empty] == '\r' || bytes[empty] == '\n'))
            empty++;
        fuzz_check(verdict.n <= n && verdict.n <= limits.head && request.target.n <= limits.target);
        check_spans(&request, bytes, verdict.n);
        check_meaning(&request, bytes + empty, verdict.n - empty);
        check_round_trip(&request);
    } else if (verdict.kind == VERDICT_BAD) {
        fuzz_check(verdict.http_status >= 400 && verdict.http_status <= 505 && verdict.reason);
        check_line(&request, bytes, n);
    } else {
        fuzz_check(n < limits.head);
    }
    if (n <= CUTS)
        check_cuts(bytes, n, &limits, verdict);
    free(bytes);
    return 0;
}
