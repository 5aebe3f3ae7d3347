/* Chunked bodies: data and end do not depend on the cuts, a second decoder that only knows CRLF sees the
 * same, and what is encoded again is decoded again.
 *
 *     input: size of the pieces (1 byte, 0: 256), the bytes
 */
#include "tests/fuzz/fuzz.h"

#include "proto/chunked.h"

struct body {
    enum chunked_event event;
    const char *reason;
    size_t n, consumed;
    char *data; /* room for all bytes of the input */
};

static struct body decode(const char *bytes, size_t n, size_t piece) {
    struct body body = {.event = CHUNKED_MORE, .data = fuzz_copy(bytes, n)};
    struct chunked chunked = {0};
    while (body.consumed < n && body.event == CHUNKED_MORE) {
        size_t shown = n - body.consumed < piece ? n - body.consumed : piece;
        char *part = fuzz_copy(bytes + body.consumed, shown);
        struct span in = span_of(part, shown), data;
        while ((body.event = chunked_decode(&chunked, &in, &data)) == CHUNKED_DATA) {
            fuzz_check(data.n > 0 && data.p >= part && data.p + data.n == in.p);
            memcpy(body.data + body.n, data.p, data.n);
            body.n += data.n;
        }
        fuzz_check(body.event != CHUNKED_MORE || in.n == 0);
        body.consumed += shown - in.n;
        free(part);
    }
    body.reason = chunked.reason;
    fuzz_check(body.event != CHUNKED_BAD || (body.reason && chunked.http_status >= 400));
    return body;
}

static const char *line_end(const char *p, const char *end) {
    const char *crlf = memmem(p, (size_t)(end - p), "\r\n", 2);
    fuzz_check(crlf && !memchr(p, '\n', (size_t)(crlf - p)) && !memchr(p, '\r', (size_t)(crlf - p)));
    return crlf;
}

/* The bytes are a whole body, as the decoder holds: take it apart again, by hand. */
static void check_by_hand(const char *bytes, const struct body *body) {
    const char *p = bytes, *end = bytes + body->consumed;
    size_t taken = 0;
    for (;;) {
        char *digits_end;
        const char *crlf = line_end(p, end);
        fuzz_check(p < end && strchr("0123456789abcdefABCDEF", *p) && *p);
        unsigned long long size = strtoull(p, &digits_end, 16);
        fuzz_check(digits_end == crlf || strchr("; \t", *digits_end));
        p = crlf + 2;
        if (size == 0)
            break;
        fuzz_check(size <= (size_t)(end - p) && memcmp(body->data + taken, p, (size_t)size) == 0);
        taken += (size_t)size;
        p += size;
        fuzz_check(end - p >= 2 && memcmp(p, "\r\n", 2) == 0);
        p += 2;
    }
    fuzz_check(taken == body->n);
    for (const char *crlf; (crlf = line_end(p, end)) != p; p = crlf + 2)
        fuzz_check(memchr(p, ':', (size_t)(crlf - p)));
    fuzz_check(p + 2 == end);
}

static void check_round_trip(const struct body *body) {
    size_t n = 0;
    char *text = malloc(body->n + CHUNKED_HEAD_MAX + 16);
    fuzz_check(text);
    if (body->n > 0) {
        n = chunked_head(text, body->n);
        memcpy(text + n, body->data, body->n);
        n += body->n;
        memcpy(text + n, "\r\n", 2);
        n += 2;
    }
    memcpy(text + n, CHUNKED_LAST, strlen(CHUNKED_LAST));
    n += strlen(CHUNKED_LAST);
    struct body again = decode(text, n, n);
    fuzz_check(again.event == CHUNKED_END && again.consumed == n && again.n == body->n);
    fuzz_check(memcmp(again.data, body->data, body->n) == 0);
    free(again.data);
    free(text);
}

static void check_same(const struct body *a, const struct body *b) {
    fuzz_check(a->event == b->event && a->reason == b->reason && a->consumed == b->consumed);
    fuzz_check(a->n == b->n && memcmp(a->data, b->data, a->n) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2)
        return 0;
    const char *bytes = (const char *)data + 1;
    size_t n = size - 1;
    struct body whole = decode(bytes, n, n), pieces = decode(bytes, n, data[0] ? data[0] : 256),
                single = decode(bytes, n, 1);
    check_same(&whole, &pieces);
    check_same(&whole, &single);
    if (whole.event == CHUNKED_END) {
        check_by_hand(bytes, &whole);
        check_round_trip(&whole);
    }
    free(whole.data);
    free(pieces.data);
    free(single.data);
    return 0;
}
