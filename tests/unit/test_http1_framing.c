/* What requests say about their bodies and connections, each case named after the section that rules it: the
 * ways in which requests are smuggled. */
#include "proto/http1.h"
#include "tests/unit/cuts.h"

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct framing_case {
    const char *name;
    const char *bytes; /* the head but for its empty line */
    int status;        /* 0: accepted */
    const char *text;  /* accepted: as described below; else the reason */
};

#define OK(name, bytes, text)                                                                                \
    { name, bytes, 0, text }
#define BAD(name, status, bytes, reason)                                                                     \
    { name, bytes, status, reason }
#define V11 "POST / HTTP/1.1\r\nHost: a\r\n"
#define V10 "POST / HTTP/1.0\r\nHost: a\r\n"

/* Accepted: none, length N or chunked; keep or close; then expect and upgrade. */
static const struct framing_case cases[] = {
    OK("RFC 9112 6.3 no body", V11, "none keep"),
    OK("RFC 9112 6.3 a length", V11 "Content-Length: 5\r\n", "length 5 keep"),
    OK("RFC 9112 6.3 a length of 0 is no body", V11 "Content-Length: 0\r\n", "none keep"),
    OK("RFC 9110 8.6 leading zeros", V11 "cOnTeNt-LeNgTh: 0005\r\n", "length 5 keep"),
    OK("RFC 9110 8.6 the largest length", V11 "Content-Length: 9223372036854775807\r\n",
       "length 9223372036854775807 keep"),
    OK("RFC 9112 6.3 a length in HTTP/1.0", V10 "Content-Length: 5\r\n", "length 5 close"),
    BAD("RFC 9110 8.6 one more than the largest length", 400, V11 "Content-Length: 9223372036854775808\r\n",
        "Content-Length is not a number"),
    BAD("RFC 9110 8.6 a length that wraps around", 400, V11 "Content-Length: 18446744073709551621\r\n",
        "Content-Length is not a number"),
    BAD("RFC 9110 8.6 an empty length", 400, V11 "Content-Length:\r\n", "Content-Length is not a number"),
    BAD("RFC 9110 8.6 a plus sign", 400, V11 "Content-Length: +5\r\n", "Content-Length is not a number"),
    BAD("RFC 9110 8.6 a minus sign", 400, V11 "Content-Length: -5\r\n", "Content-Length is not a number"),
    BAD("RFC 9110 8.6 hexadecimal digits", 400, V11 "Content-Length: 0x5\r\n",
        "Content-Length is not a number"),
    BAD("RFC 9110 8.6 a decimal point", 400, V11 "Content-Length: 5.0\r\n", "Content-Length is not a number"),
    BAD("RFC 9110 8.6 two numbers", 400, V11 "Content-Length: 5 5\r\n", "Content-Length is not a number"),
    BAD("RFC 9110 8.6 a word", 400, V11 "Content-Length: five\r\n", "Content-Length is not a number"),
    BAD("RFC 9110 8.6 a parameter", 400, V11 "Content-Length: 5;a=b\r\n", "Content-Length is not a number"),
    BAD("RFC 9110 8.6 quotes", 400, V11 "Content-Length: \"5\"\r\n", "Content-Length is not a number"),
    BAD("RFC 9112 6.3 a list of equal lengths", 400, V11 "Content-Length: 5, 5\r\n",
        "Content-Length is not a number"),
    BAD("RFC 9112 6.3 a list of lengths that differ", 400, V11 "Content-Length: 5, 6\r\n",
        "Content-Length is not a number"),
    BAD("RFC 9112 6.3 equal lengths twice", 400, V11 "Content-Length: 5\r\nContent-Length: 5\r\n",
        "Content-Length given twice"),
    BAD("RFC 9112 6.3 lengths that differ", 400, V11 "Content-Length: 5\r\nA: b\r\ncontent-length: 6\r\n",
        "Content-Length given twice"),
    BAD("RFC 9112 6.3 lengths of 0 twice", 400, V11 "Content-Length: 0\r\nContent-Length: 0\r\n",
        "Content-Length given twice"),
    OK("RFC 9112 6.1 chunked", V11 "Transfer-Encoding: chunked\r\n", "chunked keep"),
    OK("RFC 9112 7 codings are case-insensitive", V11 "transfer-ENCODING: Chunked\r\n", "chunked keep"),
    OK("RFC 9112 6.1 white space around the coding", V11 "Transfer-Encoding:\t chunked \t\r\n",
       "chunked keep"),
    BAD("RFC 9112 6.1 chunked and a length", 400, V11 "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "both Content-Length and Transfer-Encoding"),
    BAD("RFC 9112 6.1 a length and chunked", 400, V11 "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "both Content-Length and Transfer-Encoding"),
    BAD("RFC 9112 6.1 chunked and a length of 0", 400,
        V11 "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n",
        "both Content-Length and Transfer-Encoding"),
    BAD("RFC 9112 6.1 chunked in HTTP/1.0", 400, V10 "Transfer-Encoding: chunked\r\n",
        "Transfer-Encoding in HTTP/1.0"),
    BAD("RFC 9112 6.1 chunked and a length in HTTP/1.0", 400,
        V10 "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "Transfer-Encoding in HTTP/1.0"),
    BAD("RFC 9112 6.1 identity in HTTP/1.0", 400, V10 "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding in HTTP/1.0"),
    BAD("RFC 9112 6.1 an unknown coding before chunked", 501, V11 "Transfer-Encoding: gzip, chunked\r\n",
        "an unknown transfer coding"),
    BAD("RFC 9112 6.1 an unknown coding in a line of its own", 501,
        V11 "Transfer-Encoding: br\r\nTransfer-Encoding: chunked\r\n", "an unknown transfer coding"),
    BAD("RFC 9112 6.1 identity before chunked", 501, V11 "Transfer-Encoding: identity, chunked\r\n",
        "an unknown transfer coding"),
    BAD("RFC 9112 6.3 the last coding is not chunked", 400, V11 "Transfer-Encoding: gzip\r\n",
        "the last transfer coding is not chunked"),
    BAD("RFC 9112 6.3 chunked, then another coding", 400, V11 "Transfer-Encoding: chunked, gzip\r\n",
        "the last transfer coding is not chunked"),
    BAD("RFC 9112 6.3 chunked, then another line", 400,
        V11 "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        "the last transfer coding is not chunked"),
    BAD("RFC 9112 6.1 chunked twice", 400, V11 "Transfer-Encoding: chunked, chunked\r\n",
        "chunked more than once"),
    BAD("RFC 9112 6.1 chunked in two lines", 400,
        V11 "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "chunked more than once"),
    BAD("RFC 9112 6.3 an x before chunked", 400, V11 "Transfer-Encoding: xchunked\r\n",
        "the last transfer coding is not chunked"),
    BAD("RFC 9112 6.3 chunked with an x", 400, V11 "Transfer-Encoding: chunkedx\r\n",
        "the last transfer coding is not chunked"),
    BAD("RFC 9112 7.1 chunked with a parameter", 400, V11 "Transfer-Encoding: chunked;q=1\r\n",
        "the last transfer coding is not chunked"),
    BAD("RFC 9112 6.3 chunked in quotes", 400, V11 "Transfer-Encoding: \"chunked\"\r\n",
        "the last transfer coding is not chunked"),
    BAD("RFC 9112 6.3 two words", 400, V11 "Transfer-Encoding: chunked chunked\r\n",
        "the last transfer coding is not chunked"),
    BAD("RFC 9112 6.3 chunked in a quoted parameter", 501, V11 "Transfer-Encoding: x;a=\"b, chunked\r\n",
        "an unknown transfer coding"),
    BAD("RFC 9112 6.1 no coding", 400, V11 "Transfer-Encoding:\r\n", "an empty member in Transfer-Encoding"),
    BAD("RFC 9112 6.1 an empty member before chunked", 400, V11 "Transfer-Encoding: ,chunked\r\n",
        "an empty member in Transfer-Encoding"),
    BAD("RFC 9112 6.1 an empty member behind chunked", 400, V11 "Transfer-Encoding: chunked,\r\n",
        "an empty member in Transfer-Encoding"),
    BAD("RFC 9112 6.1 a vertical tab before chunked", 400, V11 "Transfer-Encoding: \vchunked\r\n",
        "a control byte in a field value"),
    BAD("RFC 9112 5.1 a space behind Transfer-Encoding", 400, V11 "Transfer-Encoding : chunked\r\n",
        "white space before the colon"),
    BAD("RFC 9112 5.2 a folded chunked", 400, V11 "Transfer-Encoding:\r\n chunked\r\n",
        "a line starts with white space"),
    OK("RFC 9112 6.1 names that only look like it",
       V11 "Transfer_Encoding: chunked\r\nX-Content-Length: 5\r\n", "none keep"),
    OK("RFC 9112 6.1 names of the same length",
       V11 "Cookie: x\r\nReferer: close\r\nUser-Agent: close\r\nAccept-Charset: 5\r\nX-Forwarded-Proto: "
           "chunked\r\n",
       "none keep"),
    OK("RFC 9112 9.3 close", V11 "Connection: close\r\n", "none close"),
    OK("RFC 9112 9.3 options are case-insensitive", V11 "connection: Close\r\n", "none close"),
    OK("RFC 9112 9.3 close among others", V11 "Connection: foo, ,close ,bar\r\n", "none close"),
    OK("RFC 9112 9.3 close in the second line", V11 "Connection: keep-alive\r\nConnection: close\r\n",
       "none close"),
    OK("RFC 9112 9.3 not quite close", V11 "Connection: closed, x-close\r\n", "none keep"),
    OK("RFC 9112 9.3 HTTP/1.0 closes", V10, "none close"),
    OK("RFC 9112 9.3 HTTP/1.0 with keep-alive", V10 "Connection: Keep-Alive\r\n", "none keep"),
    OK("RFC 9112 9.3 HTTP/1.0 with both", V10 "Connection: keep-alive, close\r\n", "none close"),
    OK("RFC 9112 9.3 HTTP/1.2 keeps", "GET / HTTP/1.2\r\nHost: a\r\n", "none keep"),
    OK("RFC 9110 10.1.1 100-continue", V11 "Expect: 100-continue\r\nContent-Length: 5\r\n",
       "length 5 keep expect"),
    OK("RFC 9110 10.1.1 100-continue before chunks",
       V11 "Expect: 100-Continue\r\nTransfer-Encoding: chunked\r\n", "chunked keep expect"),
    OK("RFC 9110 10.1.1 100-continue without a body", V11 "Expect: 100-continue\r\n", "none keep"),
    OK("RFC 9110 10.1.1 100-continue with a length of 0", V11 "Expect: 100-continue\r\nContent-Length: 0\r\n",
       "none keep"),
    OK("RFC 9110 10.1.1 ignored in HTTP/1.0", V10 "Expect: 100-continue\r\nContent-Length: 5\r\n",
       "length 5 close"),
    OK("RFC 9110 10.1.1 an unknown one is ignored in HTTP/1.0", V10 "Expect: x\r\n", "none close"),
    BAD("RFC 9110 10.1.1 an unknown expectation", 417, V11 "Expect: 200-ok\r\n", "an unknown expectation"),
    BAD("RFC 9110 10.1.1 an unknown expectation besides", 417,
        V11 "Expect: 100-continue, x=y\r\nContent-Length: 5\r\n", "an unknown expectation"),
    OK("RFC 9110 7.8 an upgrade", V11 "Connection: Upgrade\r\nUpgrade: websocket\r\n", "none keep upgrade"),
    OK("RFC 9110 7.8 an upgrade that Connection does not name", V11 "Upgrade: websocket\r\n", "none keep"),
    OK("RFC 9110 7.8 an upgrade to nothing", V11 "Connection: upgrade\r\n", "none keep"),
    OK("RFC 9110 7.8 an upgrade in HTTP/1.0 is ignored", V10 "Connection: upgrade\r\nUpgrade: websocket\r\n",
       "none close"),
};

static void decode(struct http1_scan *scan, const char *bytes, size_t n, const void *arg,
                   struct cuts_outcome *out) {
    static const char *const bodies[] = {
        [HTTP1_BODY_NONE] = "none", [HTTP1_BODY_LENGTH] = "length", [HTTP1_BODY_CHUNKED] = "chunked"};
    struct http1_field list[HTTP1_FIELDS_MAX];
    struct http1_request request = {.fields = {list, 0, HTTP1_FIELDS_MAX}};
    const struct http1_framing *f = &request.framing;
    (void)arg;
    out->verdict = http1_decode(scan, bytes, n, &HTTP1_LIMITS, &request);
    if (out->verdict.kind != VERDICT_FRAME)
        return;
    char length[24] = "";
    if (f->body == HTTP1_BODY_LENGTH)
        snprintf(length, sizeof(length), " %" PRIu64, f->length);
    snprintf(out->text, sizeof(out->text), "%s%s %s%s%s", bodies[f->body], length,
             f->keep_alive ? "keep" : "close", f->expect_continue ? " expect" : "",
             f->upgrade ? " upgrade" : "");
}

START_TEST(case_by_its_section)
{
    const struct framing_case *c = &cases[_i];
    char head[512];
    int n = snprintf(head, sizeof(head), "%s\r\n", c->bytes);
    struct cuts_outcome got = cuts_check(c->name, span_of(head, (size_t)n), decode, NULL);
    if (c->status == 0) {
        ck_assert_msg(got.verdict.kind == VERDICT_FRAME, "%s: %d %s", c->name, got.verdict.http_status,
                      got.verdict.reason);
        ck_assert_msg(strcmp(got.text, c->text) == 0, "%s: \"%s\"", c->name, got.text);
        return;
    }
    ck_assert_msg(got.verdict.kind == VERDICT_BAD, "%s: not refused", c->name);
    ck_assert_msg(got.verdict.http_status == c->status, "%s: %d", c->name, got.verdict.http_status);
    ck_assert_msg(strcmp(got.verdict.reason, c->text) == 0, "%s: %s", c->name, got.verdict.reason);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("http1_framing");
    TCase *tests = tcase_create("http1_framing");
    tcase_add_loop_test(tests, case_by_its_section, 0, (int)(sizeof(cases) / sizeof(cases[0])));
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
