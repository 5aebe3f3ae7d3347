/* Response heads: the verdict does not depend on the cuts, all spans lie in the head, a second parser sees
 * the same framing.
 *
 *     input: method (1 byte; its top bit: with an upgrade), the bytes
 */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/naive_head.h"

#include "proto/http1_response.h"

enum { FIELDS = 12, CUTS = 2048 };

struct sent {
    enum http1_method method;
    bool upgrade;
};

static bool inside(struct span s, const char *bytes, size_t n) {
    return s.n == 0 || (s.p >= bytes && s.p + s.n <= bytes + n);
}

static bool has_no_body(int status, enum http1_method method) {
    return status < 200 || status == 204 || status == 304 || method == HTTP1_HEAD ||
           (method == HTTP1_CONNECT && status < 300);
}

static void check_response(const struct http1_response *r, const struct sent *sent, const char *bytes,
                           size_t n) {
    struct naive_head head = naive_head_of(bytes, n);
    fuzz_check(r->status >= 100 && r->status <= 599);
    fuzz_check(inside(r->reason, bytes, n) && head.lines == r->fields.n && r->fields.n <= FIELDS);
    for (unsigned i = 0; i < r->fields.n; i++)
        fuzz_check(inside(r->fields.list[i].name, bytes, n) && inside(r->fields.list[i].value, bytes, n));
    fuzz_check(head.lengths + head.codings <= 1);
    if (has_no_body(r->status, sent->method))
        fuzz_check(r->framing.body == HTTP1_BODY_NONE || r->framing.body == HTTP1_BODY_TUNNEL);
    else
        naive_framing(&head, &r->framing);
    if (r->framing.body == HTTP1_BODY_CLOSE)
        fuzz_check(head.lengths + head.codings == 0 && !r->framing.keep_alive);
    if (r->framing.body == HTTP1_BODY_TUNNEL)
        fuzz_check(r->status == 101 ? sent->upgrade : sent->method == HTTP1_CONNECT);
}

static struct http1_verdict decode(struct http1_scan *scan, const char *bytes, size_t n,
                                   const struct sent *sent) {
    struct http1_field list[FIELDS];
    struct http1_response response = {.fields = {list, 0, FIELDS}};
    struct http1_verdict verdict =
        http1_response_decode(scan, bytes, n, &HTTP1_LIMITS, sent->method, sent->upgrade, &response);
    if (verdict.kind == VERDICT_FRAME) {
        fuzz_check(verdict.n <= n);
        check_response(&response, sent, bytes, verdict.n);
    } else if (verdict.kind == VERDICT_BAD) {
        fuzz_check(verdict.http_status == 502 && verdict.reason);
    }
    return verdict;
}

/* Shows ever longer prefixes, each at another address, until one is decided. */
static void check_cuts(const char *bytes, size_t n, const struct sent *sent, struct http1_verdict whole) {
    struct http1_scan scan = {0};
    struct http1_verdict verdict = {.kind = VERDICT_MORE};
    for (size_t shown = 1; shown <= n && verdict.kind == VERDICT_MORE; shown++) {
        char *part = fuzz_copy(bytes, shown);
        verdict = decode(&scan, part, shown, sent);
        free(part);
    }
    fuzz_check(verdict.kind == whole.kind && verdict.n == whole.n && verdict.reason == whole.reason);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2)
        return 0;
    struct sent sent = {(enum http1_method)((data[0] & 0x7f) % HTTP1_METHODS), data[0] >> 7};
    char *bytes = fuzz_copy(data + 1, size - 1);
    struct http1_scan scan = {0};
    struct http1_verdict verdict = decode(&scan, bytes, size - 1, &sent);
    if (size <= CUTS)
        check_cuts(bytes, size - 1, &sent, verdict);
    free(bytes);
    return 0;
}
