/* Response heads as raw bytes, each case named after the section that rules it. */
#include "proto/http1_response.h"
#include "tests/unit/cuts.h"

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct request_sent {
    enum http1_method method;
    bool upgrade;
};

struct response_case {
    const char *name;
    const struct request_sent *sent;
    const char *bytes; /* the head but for its empty line */
    bool accepted;
    const char *text; /* accepted: as described below; else the reason */
};

static const struct request_sent get = {HTTP1_GET, false}, head = {HTTP1_HEAD, false},
                                 tunnel = {HTTP1_CONNECT, false}, upgrade = {HTTP1_GET, true};

#define OK(name, sent, bytes, text)                                                                          \
    { name, sent, bytes, true, text }
#define BAD(name, sent, bytes, reason)                                                                       \
    { name, sent, bytes, false, reason }

/* Accepted: status reason version, body, keep or close. */
static const struct response_case cases[] = {
    OK("RFC 9112 4 the usual response", &get, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n",
       "200 OK 1.1 length 5 keep"),
    OK("RFC 9112 4 no reason phrase", &get, "HTTP/1.1 200 \r\nContent-Length: 5\r\n",
       "200  1.1 length 5 keep"),
    OK("RFC 9112 4 a reason of many words", &get,
       "HTTP/1.1 404 Not\tin \xc3\xa9t\xc3\xa9\r\nContent-Length: 5\r\n",
       "404 Not\tin \xc3\xa9t\xc3\xa9 1.1 length 5 keep"),
    OK("RFC 9110 15 an unknown status", &get, "HTTP/1.1 599 Odd\r\nContent-Length: 0\r\n",
       "599 Odd 1.1 none keep"),
    OK("RFC 9112 4 no space behind the status either", &get, "HTTP/1.1 200\r\nContent-Length: 5\r\n",
       "200  1.1 length 5 keep"),
    BAD("RFC 9112 4 something else behind the status", &get, "HTTP/1.1 200-OK\r\n", "bad status line"),
    BAD("RFC 9112 4 no space before the status", &get, "HTTP/1.1x200 OK\r\n", "bad status line"),
    BAD("RFC 9112 4 two spaces before the status", &get, "HTTP/1.1  200 OK\r\n", "bad status line"),
    BAD("RFC 9112 4 four digits", &get, "HTTP/1.1 2000 OK\r\n", "bad status line"),
    BAD("RFC 9112 4 two digits", &get, "HTTP/1.1 20 OK\r\n", "bad status line"),
    BAD("RFC 9112 4 a letter in the status", &get, "HTTP/1.1 2O0 OK\r\n", "bad status code"),
    BAD("RFC 9110 15 status 600", &get, "HTTP/1.1 600 X\r\n", "bad status code"),
    BAD("RFC 9110 15 status 099", &get, "HTTP/1.1 099 X\r\n", "bad status code"),
    BAD("RFC 9112 4 a space before the version", &get, " HTTP/1.1 200 OK\r\n", "bad status line"),
    BAD("RFC 9112 2.2 an empty line first", &get, "\r\nHTTP/1.1 200 OK\r\n", "bad status line"),
    BAD("RFC 9112 2.3 HTTP/2.0", &get, "HTTP/2.0 200 OK\r\n", "bad status line"),
    BAD("RFC 9112 2.3 two digits", &get, "HTTP/1.10 200 OK\r\n", "bad status line"),
    BAD("RFC 9112 2.3 another protocol", &get, "ICY/1.1 200 OK\r\n", "bad status line"),
    BAD("RFC 9112 2.3 lower case", &get, "http/1.1 200 OK\r\n", "bad status line"),
    BAD("RFC 9112 4 a control byte in the reason", &get, "HTTP/1.1 200 O\x01K\r\n",
        "a control byte in the reason phrase"),
    BAD("RFC 9112 2.2 a bare CR in the reason", &get, "HTTP/1.1 200 O\rK\r\n",
        "a control byte in the reason phrase"),
    BAD("RFC 9112 2.2 a bare LF ends the status line", &get, "HTTP/1.1 200 OK\nA: b\r\n",
        "a line ends with a bare LF"),
    BAD("RFC 9112 5.1 a space before the colon", &get, "HTTP/1.1 200 OK\r\nContent-Length : 5\r\n",
        "white space before the colon"),
    BAD("RFC 9112 5.2 a folded line", &get, "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n",
        "a line starts with white space"),
    BAD("RFC 9110 5.5 a control byte in a value", &get, "HTTP/1.1 200 OK\r\nA: \x01\r\n",
        "a control byte in a field value"),
    OK("RFC 9112 6.3 rule 1: HEAD has no body", &head, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n",
       "200 OK 1.1 none keep"),
    OK("RFC 9112 6.3 rule 1: HEAD with chunked", &head, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n",
       "200 OK 1.1 none keep"),
    OK("RFC 9112 6.3 rule 1: HEAD without a length", &head, "HTTP/1.1 200 OK\r\n", "200 OK 1.1 none keep"),
    OK("RFC 9112 6.3 rule 1: 304 has no body", &get, "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n",
       "304 Not Modified 1.1 none keep"),
    OK("RFC 9112 6.3 rule 1: 204 has no body", &get, "HTTP/1.1 204 No Content\r\n",
       "204 No Content 1.1 none keep"),
    OK("RFC 9110 8.6 204 with a length of 0", &get, "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n",
       "204 No Content 1.1 none keep"),
    OK("RFC 9112 6.3 rule 1: 204 with a length has no body", &get,
       "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n", "204 No Content 1.1 none close"),
    OK("RFC 9112 6.3 rule 1: 204 with chunked has no body", &get,
       "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n", "204 No Content 1.1 none close"),
    OK("RFC 9112 6.3 rule 1: 100 has no body", &get, "HTTP/1.1 100 Continue\r\n",
       "100 Continue 1.1 none keep"),
    OK("RFC 8297 2 103", &get, "HTTP/1.1 103 Early Hints\r\nLink: x\r\n", "103 Early Hints 1.1 none keep"),
    BAD("RFC 9110 8.6 100 with a length", &get, "HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n",
        "a body announced where there cannot be one"),
    OK("RFC 9112 6.3 rule 2: CONNECT becomes a tunnel", &tunnel, "HTTP/1.1 200 OK\r\n",
       "200 OK 1.1 tunnel close"),
    OK("RFC 9112 6.3 rule 2: a length is ignored", &tunnel, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n",
       "200 OK 1.1 tunnel close"),
    OK("RFC 9112 6.3 rule 2: CONNECT refused has a body", &tunnel, "HTTP/1.1 403 No\r\nContent-Length: 5\r\n",
       "403 No 1.1 length 5 keep"),
    BAD("RFC 9112 6.3 rule 3: a length and chunked", &get,
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "both Content-Length and Transfer-Encoding"),
    OK("RFC 9112 6.3 rule 4: chunked", &get, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n",
       "200 OK 1.1 chunked keep"),
    BAD("RFC 9112 6.3 rule 4: another last coding", &get, "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n",
        "the last transfer coding is not chunked"),
    BAD("RFC 9112 6.1 an unknown coding", &get, "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n",
        "an unknown transfer coding"),
    BAD("RFC 9112 6.1 chunked in HTTP/1.0", &get, "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding in HTTP/1.0"),
    BAD("RFC 9112 6.3 rule 5: lengths that differ", &get,
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n", "Content-Length given twice"),
    BAD("RFC 9112 6.3 rule 5: a bad length", &get, "HTTP/1.1 200 OK\r\nContent-Length: 5,5\r\n",
        "Content-Length is not a number"),
    BAD("RFC 9112 6.3 rule 5: a bad length with HEAD", &head, "HTTP/1.1 200 OK\r\nContent-Length: x\r\n",
        "Content-Length is not a number"),
    OK("RFC 9112 6.3 rule 6: a length of 0", &get, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n",
       "200 OK 1.1 none keep"),
    OK("RFC 9112 6.3 rule 8: until the end", &get, "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n",
       "200 OK 1.1 rest close"),
    OK("RFC 9112 9.3 close", &get, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n",
       "200 OK 1.1 length 5 close"),
    OK("RFC 9112 9.3 HTTP/1.0", &get, "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n",
       "200 OK 1.0 length 5 close"),
    OK("RFC 9112 9.3 HTTP/1.0 with keep-alive", &get,
       "HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n", "200 OK 1.0 length 5 keep"),
    OK("RFC 9110 15.2.2 an upgrade that was asked for", &upgrade,
       "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n",
       "101 Switching Protocols 1.1 tunnel close"),
    BAD("RFC 9110 7.8 an upgrade that was not asked for", &get,
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n",
        "101 without an agreed upgrade"),
    BAD("RFC 9110 15.2.2 101 that names no protocol", &upgrade, "HTTP/1.1 101 Switching Protocols\r\n",
        "101 without an agreed upgrade"),
    OK("RFC 9110 7.8 an upgrade declined", &upgrade, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n",
       "200 OK 1.1 length 5 keep"),
    OK("RFC 9110 15.5.22 426 names the protocols wanted", &get,
       "HTTP/1.1 426 No\r\nContent-Length: 0\r\nConnection: upgrade\r\nUpgrade: x\r\n",
       "426 No 1.1 none keep"),
};

static void decode(struct http1_scan *scan, const char *bytes, size_t n, const void *arg,
                   struct cuts_outcome *out) {
    static const char *const bodies[] = {
        [HTTP1_BODY_NONE] = "none",  [HTTP1_BODY_LENGTH] = "length", [HTTP1_BODY_CHUNKED] = "chunked",
        [HTTP1_BODY_CLOSE] = "rest", [HTTP1_BODY_TUNNEL] = "tunnel",
    };
    const struct request_sent *sent = arg;
    struct http1_field list[4];
    struct http1_response r = {.fields = {list, 0, 4}};
    struct http1_limits limits = {.head = 128};
    out->verdict = http1_response_decode(scan, bytes, n, &limits, sent->method, sent->upgrade, &r);
    if (out->verdict.kind != VERDICT_FRAME)
        return;
    char length[24] = "";
    if (r.framing.body == HTTP1_BODY_LENGTH)
        snprintf(length, sizeof(length), " %" PRIu64, r.framing.length);
    snprintf(out->text, sizeof(out->text), "%d %.*s 1.%u %s%s %s", r.status, (int)r.reason.n, r.reason.p,
             r.minor, bodies[r.framing.body], length, r.framing.keep_alive ? "keep" : "close");
}

static void check_bad(const char *name, const char *bytes, const char *reason) {
    struct cuts_outcome got = cuts_check(name, span_text(bytes), decode, &get);
    ck_assert_msg(got.verdict.kind == VERDICT_BAD, "%s: not refused", name);
    ck_assert_int_eq(got.verdict.http_status, 502);
    ck_assert_msg(strcmp(got.verdict.reason, reason) == 0, "%s: %s", name, got.verdict.reason);
}

START_TEST(case_by_its_section)
{
    const struct response_case *c = &cases[_i];
    char bytes[256];
    int n = snprintf(bytes, sizeof(bytes), "%s\r\n", c->bytes);
    struct cuts_outcome got = cuts_check(c->name, span_of(bytes, (size_t)n), decode, c->sent);
    if (c->accepted) {
        ck_assert_msg(got.verdict.kind == VERDICT_FRAME, "%s: %s", c->name, got.verdict.reason);
        ck_assert_msg(strcmp(got.text, c->text) == 0, "%s: \"%s\"", c->name, got.text);
        return;
    }
    ck_assert_msg(got.verdict.kind == VERDICT_BAD, "%s: not refused", c->name);
    ck_assert_int_eq(got.verdict.http_status, 502);
    ck_assert_msg(strcmp(got.verdict.reason, c->text) == 0, "%s: %s", c->name, got.verdict.reason);
}
END_TEST

START_TEST(a_head_over_the_limits_is_bad)
{
    char bytes[256] = "HTTP/1.1 200 OK\r\nA: ";
    memset(bytes + strlen(bytes), 'a', 200);
    check_bad("a long field", bytes, "the head is longer than the limit");
    memset(bytes + 13, 'a', 200);
    check_bad("a long reason", bytes, "the first line is longer than the limit");
    check_bad("five fields", "HTTP/1.1 200 OK\r\nA:\r\nA:\r\nA:\r\nA:\r\nA:\r\n\r\n",
              "more fields than the limit");
}
END_TEST

START_TEST(a_bad_status_line_does_not_wait_for_the_fields)
{ check_bad("no end of the head", "SSH-2.0-OpenSSH_9.2\r\n", "bad status line"); }
END_TEST

START_TEST(rfc_9110_9_3_2_head_tells_the_length_of_get)
{
    static const char bytes[] = "HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n";
    struct http1_field list[4];
    struct http1_response r = {.fields = {list, 0, 4}};
    struct http1_scan scan = {0};
    struct http1_verdict verdict =
        http1_response_decode(&scan, bytes, sizeof(bytes) - 1, &HTTP1_LIMITS, HTTP1_HEAD, false, &r);
    ck_assert_int_eq(verdict.kind, VERDICT_FRAME);
    ck_assert_int_eq(r.framing.body, HTTP1_BODY_NONE);
    ck_assert_uint_eq(r.framing.length, 1234);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("http1_response");
    TCase *tests = tcase_create("http1_response");
    tcase_add_loop_test(tests, case_by_its_section, 0, (int)(sizeof(cases) / sizeof(cases[0])));
    tcase_add_test(tests, a_head_over_the_limits_is_bad);
    tcase_add_test(tests, a_bad_status_line_does_not_wait_for_the_fields);
    tcase_add_test(tests, rfc_9110_9_3_2_head_tells_the_length_of_get);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
