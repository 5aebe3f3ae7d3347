/* Chunked bodies as raw bytes, each case named after the section that rules it and fed at every cut. */
#include "proto/chunked.h"

#include <check.h>
#include <stdlib.h>

struct chunked_case {
    const char *name;
    const char *bytes;
    int status;       /* 0: accepted */
    const char *text; /* accepted: the data; else the reason */
};

#define OK(name, bytes, data)                                                                                \
    { name, bytes, 0, data }
#define BAD(name, status, bytes, reason)                                                                     \
    { name, bytes, status, reason }

static const struct chunked_case cases[] = {
    OK("RFC 9112 7.1 one chunk", "5\r\nhello\r\n0\r\n\r\n", "hello"),
    OK("RFC 9112 7.1 several chunks", "5\r\nhello\r\n1\r\n \r\n6\r\nworld!\r\n0\r\n\r\n", "hello world!"),
    OK("RFC 9112 7.1 no chunk", "0\r\n\r\n", ""),
    OK("RFC 9112 7.1 a last chunk of many zeros", "0000\r\n\r\n", ""),
    OK("RFC 9112 7.1 leading zeros", "0005\r\nhello\r\n0\r\n\r\n", "hello"),
    OK("RFC 9112 7.1 sixteen digits", "0000000000000005\r\nhello\r\n0\r\n\r\n", "hello"),
    OK("RFC 9112 7.1 capital and small digits", "A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n",
       "01234567890123456789"),
    OK("RFC 9112 7.1 data that looks like a last chunk", "7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n", "\r\n0\r\n\r\n"),
    BAD("RFC 9112 7.1 no size", 400, "\r\nhello\r\n", "bad chunk size"),
    BAD("RFC 9112 7.1 no digit", 400, "g\r\nhello\r\n", "bad chunk size"),
    BAD("RFC 9112 7.1 a letter behind the size", 400, "5g\r\nhello\r\n", "bad chunk size"),
    BAD("RFC 9112 7.1 a prefix 0x", 400, "0x5\r\nhello\r\n", "bad chunk size"),
    BAD("RFC 9112 7.1 a plus sign", 400, "+5\r\nhello\r\n", "bad chunk size"),
    BAD("RFC 9112 7.1 a minus sign", 400, "-5\r\nhello\r\n", "bad chunk size"),
    BAD("RFC 9112 7.1 an underscore", 400, "1_0\r\nhello\r\n", "bad chunk size"),
    BAD("RFC 9112 7.1 a space before the size", 400, " 5\r\nhello\r\n", "bad chunk size"),
    BAD("RFC 9112 7.1 an empty line before the size", 400, "\r\n5\r\nhello\r\n", "bad chunk size"),
    BAD("RFC 9112 7.1 a size over 63 bits", 400, "8000000000000000\r\n", "bad chunk size"),
    BAD("RFC 9112 7.1 a size that wraps around", 400, "10000000000000005\r\nhello\r\n", "bad chunk size"),
    BAD("RFC 9112 7.1 seventeen digits", 400, "00000000000000005\r\nhello\r\n", "bad chunk size"),
    BAD("RFC 9112 7.1 a bare LF behind the size", 400, "5\nhello\r\n0\r\n\r\n", "bad chunk size"),
    BAD("RFC 9112 7.1 a bare CR behind the size", 400, "5\rhello\r\n0\r\n\r\n",
        "a chunk line that does not end with CRLF"),
    BAD("RFC 9112 7.1 CR CR LF behind the size", 400, "5\r\r\nhello\r\n0\r\n\r\n",
        "a chunk line that does not end with CRLF"),
    BAD("RFC 9112 7.1 a bare LF behind the data", 400, "5\r\nhello\n0\r\n\r\n",
        "a chunk line that does not end with CRLF"),
    BAD("RFC 9112 7.1 a bare CR behind the data", 400, "5\r\nhello\r0\r\n\r\n",
        "a chunk line that does not end with CRLF"),
    BAD("RFC 9112 7.1 no line end behind the data", 400, "5\r\nhello0\r\n\r\n",
        "a chunk line that does not end with CRLF"),
    BAD("RFC 9112 7.1 data longer than the size", 400, "5\r\nhello!\r\n0\r\n\r\n",
        "a chunk line that does not end with CRLF"),
    BAD("RFC 9112 7.1 a bare LF behind the last chunk", 400, "0\n\r\n", "bad chunk size"),
    BAD("RFC 9112 7.1 a bare LF at the end", 400, "0\r\n\n", "bad trailer section"),
    BAD("RFC 9112 7.1 a bare CR at the end", 400, "0\r\n\r0", "bad trailer section"),
    OK("RFC 9112 7.1.1 an extension", "5;a=b\r\nhello\r\n0\r\n\r\n", "hello"),
    OK("RFC 9112 7.1.1 several extensions", "5;a;b=c;d=\"e\"\r\nhello\r\n0;f\r\n\r\n", "hello"),
    OK("RFC 9112 7.1.1 white space around", "5 \t; a = b ; c\r\nhello\r\n0\r\n\r\n", "hello"),
    OK("RFC 9110 5.6.4 quotes and escapes", "5;a=\"b\\\"c;,\t\xc3\xa9\\\\\"\r\nhello\r\n0\r\n\r\n", "hello"),
    BAD("RFC 9112 7.1.1 a space without an extension", 400, "5 \r\nhello\r\n", "bad chunk extension"),
    BAD("RFC 9112 7.1.1 two numbers", 400, "5 5\r\nhello\r\n", "bad chunk extension"),
    BAD("RFC 9112 7.1.1 an empty extension", 400, "5;\r\nhello\r\n", "bad chunk extension"),
    BAD("RFC 9112 7.1.1 an extension without a name", 400, "5;=b\r\nhello\r\n", "bad chunk extension"),
    BAD("RFC 9112 7.1.1 an extension without a value", 400, "5;a=\r\nhello\r\n", "bad chunk extension"),
    BAD("RFC 9112 7.1.1 a name and a space", 400, "5;a \r\nhello\r\n", "bad chunk extension"),
    BAD("RFC 9112 7.1.1 a value and a space", 400, "5;a=b \r\nhello\r\n", "bad chunk extension"),
    BAD("RFC 9112 7.1.1 two values", 400, "5;a=b=c\r\nhello\r\n", "bad chunk extension"),
    BAD("RFC 9112 7.1.1 a word behind quotes", 400, "5;a=\"b\"c\r\nhello\r\n", "bad chunk extension"),
    BAD("RFC 9112 7.1.1 quotes that do not end", 400, "5;a=\"b\r\nhello\r\n", "bad chunk extension"),
    BAD("RFC 9112 7.1.1 an escaped CR", 400, "5;a=\"b\\\r\n\"\r\nhello\r\n", "bad chunk extension"),
    BAD("RFC 9112 7.1.1 a bare LF in an extension", 400, "5;a\nhello\r\n0\r\n\r\n", "bad chunk extension"),
    BAD("RFC 9112 7.1.1 a bare LF in quotes", 400, "5;a=\"\n\"\r\nhello\r\n0\r\n\r\n", "bad chunk extension"),
    BAD("RFC 9112 7.1.1 a bare CR in an extension", 400, "5;a\rb\r\nhello\r\n0\r\n\r\n",
        "a chunk line that does not end with CRLF"),
    BAD("RFC 9112 7.1.1 a control byte", 400, "5;a=\"\x01\"\r\nhello\r\n", "bad chunk extension"),
    OK("RFC 9112 7.1.2 trailers are skipped", "5\r\nhello\r\n0\r\nA: b\r\nC:\r\nD: \xc3\xa9\t \r\n\r\n",
       "hello"),
    OK("RFC 9112 7.1.2 a trailer cannot frame the message",
       "0\r\nContent-Length: 5\r\nTransfer-Encoding: x\r\n\r\n", ""),
    BAD("RFC 9112 7.1.2 no colon", 400, "0\r\nA\r\n\r\n", "bad trailer section"),
    BAD("RFC 9112 7.1.2 no name", 400, "0\r\n: b\r\n\r\n", "bad trailer section"),
    BAD("RFC 9112 5.1 a space before the colon of a trailer", 400, "0\r\nA : b\r\n\r\n",
        "bad trailer section"),
    BAD("RFC 9112 5.2 a folded trailer", 400, "0\r\nA: b\r\n c\r\n\r\n", "bad trailer section"),
    BAD("RFC 9112 7.1.2 a bare LF in a trailer", 400, "0\r\nA: b\n\r\n", "bad trailer section"),
    BAD("RFC 9112 7.1.2 a bare CR in a trailer", 400, "0\r\nA: b\rc\r\n\r\n", "bad trailer section"),
    BAD("RFC 9112 7.1.2 a control byte in a trailer", 400, "0\r\nA: \x7f\r\n\r\n", "bad trailer section"),
    BAD("RFC 9112 7.1.2 a request for a trailer", 400, "0\r\nGET / HTTP/1.1\r\n\r\n", "bad trailer section"),
};

struct body {
    struct chunked chunked;
    enum chunked_event event;
    char data[128]; /* what of it fits */
    size_t n, consumed;
};

/* Shows the decoder a piece in memory of exactly its size, until it wants more or is through. */
static void feed(struct body *body, const char *bytes, size_t n) {
    char *copy = malloc(n ? n : 1);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, bytes, n);
    struct span in = span_of(copy, n), data;
    while ((body->event = chunked_decode(&body->chunked, &in, &data)) == CHUNKED_DATA) {
        ck_assert_uint_gt(data.n, 0);
        ck_assert(data.p >= copy && data.p + data.n == in.p);
        size_t room = sizeof(body->data) - 1 - body->n;
        memcpy(body->data + body->n, data.p, data.n < room ? data.n : room);
        body->n += data.n < room ? data.n : room;
    }
    if (body->event == CHUNKED_MORE)
        ck_assert_uint_eq(in.n, 0);
    body->consumed += n - in.n;
    free(copy);
}

static struct body fed(const char *bytes, size_t n, size_t cut) {
    struct body body = {.event = CHUNKED_MORE};
    feed(&body, bytes, cut);
    if (body.event == CHUNKED_MORE)
        feed(&body, bytes + cut, n - cut);
    return body;
}

static struct body fed_by_bytes(const char *bytes, size_t n) {
    struct body body = {.event = CHUNKED_MORE};
    for (size_t i = 0; i < n && body.event == CHUNKED_MORE; i++)
        feed(&body, bytes + i, 1);
    return body;
}

static void check_case(const struct chunked_case *c, const struct body *got, size_t n) {
    if (c->status) {
        ck_assert_msg(got->event == CHUNKED_BAD, "%s: not refused", c->name);
        ck_assert_msg(got->chunked.http_status == c->status, "%s: %d", c->name, got->chunked.http_status);
        ck_assert_msg(strcmp(got->chunked.reason, c->text) == 0, "%s: %s", c->name, got->chunked.reason);
        return;
    }
    ck_assert_msg(got->event == CHUNKED_END, "%s: event %d %s", c->name, got->event, got->chunked.reason);
    ck_assert_msg(strcmp(got->data, c->text) == 0, "%s: \"%s\"", c->name, got->data);
    ck_assert_msg(got->consumed == n, "%s: %zu bytes consumed", c->name, got->consumed);
}

START_TEST(case_by_its_section)
{
    const struct chunked_case *c = &cases[_i];
    size_t n = strlen(c->bytes);
    struct body got = fed_by_bytes(c->bytes, n);
    check_case(c, &got, n);
    for (size_t cut = 0; cut <= n; cut++) {
        got = fed(c->bytes, n, cut);
        check_case(c, &got, n);
    }
}
END_TEST

START_TEST(what_follows_the_body_is_left_alone)
{
    static const char bytes[] = "1\r\na\r\n0\r\n\r\nGET / HTTP/1.1\r\n";
    for (size_t cut = 0; cut <= 11; cut++) {
        struct body got = fed(bytes, sizeof(bytes) - 1, cut);
        ck_assert_int_eq(got.event, CHUNKED_END);
        ck_assert_uint_eq(got.consumed, 11);
    }
}
END_TEST

START_TEST(the_size_of_a_chunk_is_known_before_its_data)
{
    struct body body = fed("7fffffffffffffff\r", 17, 0);
    ck_assert_uint_eq(chunked_left(&body.chunked), 0);
    feed(&body, "\n", 1);
    ck_assert_int_eq(body.event, CHUNKED_MORE);
    ck_assert_uint_eq(chunked_left(&body.chunked), INT64_MAX);
    feed(&body, "abc", 3);
    ck_assert_int_eq(body.event, CHUNKED_MORE);
    ck_assert_uint_eq(chunked_left(&body.chunked), INT64_MAX - 3);
    ck_assert_str_eq(body.data, "abc");
}
END_TEST

/* Feeds `text` times times and then `end`. */
static struct body repeated(const char *start, const char *text, size_t times, const char *end) {
    struct body body = {.event = CHUNKED_MORE};
    feed(&body, start, strlen(start));
    for (size_t i = 0; i < times && body.event == CHUNKED_MORE; i++)
        feed(&body, text, strlen(text));
    if (body.event == CHUNKED_MORE)
        feed(&body, end, strlen(end));
    return body;
}

START_TEST(rfc_9112_7_1_1_extensions_have_a_bound)
{
    struct body got = repeated("1;", "a", CHUNKED_EXTENSIONS_MAX - 1, "\r\nb\r\n0\r\n\r\n");
    ck_assert_int_eq(got.event, CHUNKED_END);
    got = repeated("1;", "a", CHUNKED_EXTENSIONS_MAX, "\r\nb\r\n0\r\n\r\n");
    ck_assert_int_eq(got.event, CHUNKED_BAD);
    ck_assert_int_eq(got.chunked.http_status, 400);
    ck_assert_str_eq(got.chunked.reason, "chunk extensions over the limit");
    got = repeated("", "1;a\r\nb\r\n", CHUNKED_EXTENSIONS_MAX / 2,
                   "0\r\n\r\n"); /* of the message, not the chunk */
    ck_assert_int_eq(got.event, CHUNKED_END);
    got = repeated("", "1;a\r\nb\r\n", CHUNKED_EXTENSIONS_MAX / 2 + 1, "0\r\n\r\n");
    ck_assert_int_eq(got.event, CHUNKED_BAD);
}
END_TEST

START_TEST(rfc_9112_7_1_2_trailers_have_a_bound)
{
    struct body got = repeated("0\r\nA:", "b", 1000, "\r\n\r\n");
    ck_assert_int_eq(got.event, CHUNKED_END);
    got = repeated("0\r\nA:", "b", CHUNKED_TRAILERS_MAX, "\r\n\r\n");
    ck_assert_int_eq(got.event, CHUNKED_BAD);
    ck_assert_int_eq(got.chunked.http_status, 431);
    got = repeated("0\r\n", "A:\r\n", CHUNKED_TRAILERS_MAX, "\r\n");
    ck_assert_int_eq(got.event, CHUNKED_BAD);
    ck_assert_int_eq(got.chunked.http_status, 431);
}
END_TEST

START_TEST(what_is_encoded_is_decoded)
{
    static const uint64_t sizes[] = {1, 9, 10, 15, 16, 255, 256, 0xABCDEF, INT64_MAX};
    static const char *const heads[] = {"1\r\n",   "9\r\n",      "a\r\n",
                                        "f\r\n",   "10\r\n",     "ff\r\n",
                                        "100\r\n", "abcdef\r\n", "7fffffffffffffff\r\n"};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        char head[CHUNKED_HEAD_MAX];
        size_t n = chunked_head(head, sizes[i]);
        ck_assert_uint_eq(n, strlen(heads[i]));
        ck_assert_mem_eq(head, heads[i], n);
        struct body body = fed(head, n, 0);
        ck_assert_int_eq(body.event, CHUNKED_MORE);
        ck_assert_uint_eq(chunked_left(&body.chunked), sizes[i]);
    }
    ck_assert_int_eq(fed(CHUNKED_LAST, strlen(CHUNKED_LAST), 0).event, CHUNKED_END);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("chunked");
    TCase *tests = tcase_create("chunked");
    tcase_add_loop_test(tests, case_by_its_section, 0, (int)(sizeof(cases) / sizeof(cases[0])));
    tcase_add_test(tests, what_follows_the_body_is_left_alone);
    tcase_add_test(tests, the_size_of_a_chunk_is_known_before_its_data);
    tcase_add_test(tests, rfc_9112_7_1_1_extensions_have_a_bound);
    tcase_add_test(tests, rfc_9112_7_1_2_trailers_have_a_bound);
    tcase_add_test(tests, what_is_encoded_is_decoded);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
