#include "tests/unit/cuts.h"

#include <check.h>
#include <stdlib.h>

static struct cuts_outcome shown(struct http1_scan *scan, struct span message, size_t n, cuts_decode *decode,
                                 const void *arg) {
    struct cuts_outcome outcome = {.text = ""};
    char *copy = malloc(n ? n : 1);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, message.p, n);
    decode(scan, copy, n, arg, &outcome);
    free(copy);
    return outcome;
}

static void same(const char *name, size_t cut, const struct cuts_outcome *a, const struct cuts_outcome *b) {
    ck_assert_msg(a->verdict.kind == b->verdict.kind && a->verdict.http_status == b->verdict.http_status &&
                      a->verdict.n == b->verdict.n,
                  "%s, cut at %zu: kind %d status %d n %zu (%s) instead of kind %d status %d n %zu (%s)",
                  name, cut, b->verdict.kind, b->verdict.http_status, b->verdict.n, b->verdict.reason,
                  a->verdict.kind, a->verdict.http_status, a->verdict.n, a->verdict.reason);
    ck_assert_msg(a->verdict.reason == b->verdict.reason, "%s, cut at %zu: %s instead of %s", name, cut,
                  b->verdict.reason, a->verdict.reason);
    ck_assert_msg(strcmp(a->text, b->text) == 0, "%s, cut at %zu: \"%s\" instead of \"%s\"", name, cut,
                  b->text, a->text);
}

/* Shows the prefix of `cut` bytes, then, if that was not enough, the whole. */
static void in_two_parts(const char *name, struct span message, size_t cut, cuts_decode *decode,
                         const void *arg, const struct cuts_outcome *whole) {
    struct http1_scan scan = {0};
    struct cuts_outcome outcome = shown(&scan, message, cut, decode, arg);
    if (outcome.verdict.kind == VERDICT_MORE)
        outcome = shown(&scan, message, message.n, decode, arg);
    same(name, cut, whole, &outcome);
}

static void byte_by_byte(const char *name, struct span message, cuts_decode *decode, const void *arg,
                         const struct cuts_outcome *whole) {
    struct http1_scan scan = {0};
    struct cuts_outcome outcome = shown(&scan, message, 0, decode, arg);
    size_t n = 0;
    while (n < message.n && outcome.verdict.kind == VERDICT_MORE)
        outcome = shown(&scan, message, ++n, decode, arg);
    same(name, n, whole, &outcome);
    if (whole->verdict.kind == VERDICT_FRAME)
        ck_assert_msg(n == whole->verdict.n, "%s: needs %zu bytes for a head of %zu", name, n,
                      whole->verdict.n);
}

static void followed(const char *name, struct span message, cuts_decode *decode, const void *arg,
                     const struct cuts_outcome *whole) {
    static const char next[] = "\nGET /next HTTP/1.1\r\nHost: next\r\n\r\n";
    struct http1_scan scan = {0};
    char *both = malloc(message.n + sizeof(next));
    ck_assert_ptr_nonnull(both);
    memcpy(both, message.p, message.n);
    memcpy(both + message.n, next, sizeof(next));
    struct cuts_outcome outcome = shown(&scan, span_of(both, 0), message.n + sizeof(next), decode, arg);
    same(name, message.n, whole, &outcome);
    free(both);
}

struct cuts_outcome cuts_check(const char *name, struct span message, cuts_decode *decode, const void *arg) {
    struct http1_scan scan = {0};
    struct cuts_outcome whole = shown(&scan, message, message.n, decode, arg);
    if (whole.verdict.kind == VERDICT_FRAME)
        ck_assert_msg(scan.first == 0 && scan.second == 0 && scan.line == 0 && scan.seen == 0,
                      "%s: the scan is not ready for the next message", name);
    byte_by_byte(name, message, decode, arg, &whole);
    for (size_t cut = 0; cut < message.n; cut++)
        in_two_parts(name, message, cut, decode, arg, &whole);
    if (whole.verdict.kind != VERDICT_MORE)
        followed(name, message, decode, arg, &whole);
    return whole;
}
