/* Preconditions and If-Range (RFC 9110, 13), against one representation of etag "v1". */
#include "proto/conditional.h"

#include <check.h>
#include <stdlib.h>

#define MODIFIED "Sun, 06 Nov 1994 08:49:37 GMT"
#define EARLIER  "Sun, 06 Nov 1994 08:49:36 GMT"
#define LATER    "Sun, 06 Nov 1994 08:49:38 GMT"
#define RANGE    "Range: bytes=0-1\r\n"

enum { NOW = 1700000000 };

static const struct representation strong = {true, {"\"v1\"", 4}, true, 784111777},
                                   weak = {true, {"W/\"v1\"", 6}, true, 784111777},
                                   bare = {true, {NULL, 0}, false, 0}, absent = {false, {NULL, 0}, false, 0};

struct conditional_case {
    const char *name;
    const struct representation *now;
    enum http1_method method;
    const char *lines;
    int expected; /* 200, 206 with the range, 304, 412 */
};

static const struct conditional_case cases[] = {
    {"RFC 9110 13.2 no precondition", &strong, HTTP1_GET, "", 200},
    {"RFC 9110 13.1.1 If-Match with the tag", &strong, HTTP1_PUT, "If-Match: \"v1\"\r\n", 200},
    {"RFC 9110 13.1.1 If-Match with another", &strong, HTTP1_PUT, "If-Match: \"v2\"\r\n", 412},
    {"RFC 9110 13.1.1 If-Match with GET", &strong, HTTP1_GET, "If-Match: \"v2\"\r\n", 412},
    {"RFC 9110 13.1.1 If-Match with a list", &strong, HTTP1_PUT, "If-Match: \"v0\" ,\"v1\",\"v2\"\r\n", 200},
    {"RFC 9110 13.1.1 If-Match in two lines", &strong, HTTP1_PUT, "If-Match: \"v0\"\r\nif-match: \"v1\"\r\n",
     200},
    {"RFC 9110 13.1.1 If-Match with the star", &strong, HTTP1_PUT, "If-Match: *\r\n", 200},
    {"RFC 9110 13.1.1 the star without a representation", &absent, HTTP1_PUT, "If-Match: *\r\n", 412},
    {"RFC 9110 13.1.1 a tag without a representation", &absent, HTTP1_PUT, "If-Match: \"v1\"\r\n", 412},
    {"RFC 9110 13.1.1 a tag where there is none", &bare, HTTP1_PUT, "If-Match: \"v1\"\r\n", 412},
    {"RFC 9110 13.1.1 If-Match compares strongly", &strong, HTTP1_PUT, "If-Match: W/\"v1\"\r\n", 412},
    {"RFC 9110 13.1.1 a weak tag never matches", &weak, HTTP1_PUT, "If-Match: W/\"v1\"\r\n", 412},
    {"RFC 9110 13.1.1 a malformed If-Match", &strong, HTTP1_PUT, "If-Match: v1\r\n", 412},
    {"RFC 9110 13.1.1 an empty If-Match", &strong, HTTP1_PUT, "If-Match:\r\n", 412},
    {"RFC 9110 13.1.1 a star among tags", &strong, HTTP1_PUT, "If-Match: \"v0\", *\r\n", 412},
    {"RFC 9110 13.1.4 unmodified since then", &strong, HTTP1_GET, "If-Unmodified-Since: " MODIFIED "\r\n",
     200},
    {"RFC 9110 13.1.4 unmodified since later", &strong, HTTP1_GET, "If-Unmodified-Since: " LATER "\r\n", 200},
    {"RFC 9110 13.1.4 modified since", &strong, HTTP1_GET, "If-Unmodified-Since: " EARLIER "\r\n", 412},
    {"RFC 9110 13.1.4 a malformed date is ignored", &strong, HTTP1_GET, "If-Unmodified-Since: then\r\n", 200},
    {"RFC 9110 13.1.4 two dates are ignored", &strong, HTTP1_GET,
     "If-Unmodified-Since: " EARLIER "\r\nIf-Unmodified-Since: " EARLIER "\r\n", 200},
    {"RFC 9110 13.1.4 ignored without a date to compare", &bare, HTTP1_GET,
     "If-Unmodified-Since: " EARLIER "\r\n", 200},
    {"RFC 9110 13.1.4 ignored beside If-Match", &strong, HTTP1_GET,
     "If-Unmodified-Since: " EARLIER "\r\nIf-Match: \"v1\"\r\n", 200},
    {"RFC 9110 13.1.2 If-None-Match with the tag", &strong, HTTP1_GET, "If-None-Match: \"v1\"\r\n", 304},
    {"RFC 9110 13.1.2 If-None-Match with HEAD", &strong, HTTP1_HEAD, "If-None-Match: \"v1\"\r\n", 304},
    {"RFC 9110 13.1.2 If-None-Match with PUT", &strong, HTTP1_PUT, "If-None-Match: \"v1\"\r\n", 412},
    {"RFC 9110 13.1.2 If-None-Match with another", &strong, HTTP1_GET, "If-None-Match: \"v2\"\r\n", 200},
    {"RFC 9110 13.1.2 If-None-Match compares weakly", &strong, HTTP1_GET, "If-None-Match: W/\"v1\"\r\n", 304},
    {"RFC 9110 13.1.2 a weak tag matches", &weak, HTTP1_GET, "If-None-Match: \"v1\"\r\n", 304},
    {"RFC 9110 13.1.2 the last of a list", &strong, HTTP1_GET, "If-None-Match: \"v,0\", , W/\"v1\"\r\n", 304},
    {"RFC 9110 13.1.2 the star", &strong, HTTP1_GET, "If-None-Match: *\r\n", 304},
    {"RFC 9110 13.1.2 the star creates", &absent, HTTP1_PUT, "If-None-Match: *\r\n", 200},
    {"RFC 9110 13.1.2 the star does not replace", &strong, HTTP1_PUT, "If-None-Match: *\r\n", 412},
    {"RFC 9110 13.1.2 a malformed tag", &strong, HTTP1_GET, "If-None-Match: v1\r\n", 200},
    {"RFC 9110 8.8.3 tags are case-sensitive", &strong, HTTP1_GET, "If-None-Match: \"V1\"\r\n", 200},
    {"RFC 9110 8.8.3 the W is a capital", &strong, HTTP1_GET, "If-None-Match: w/\"v1\"\r\n", 200},
    {"RFC 9110 8.8.3 a tag without its end", &strong, HTTP1_GET, "If-None-Match: \"v1\r\n", 200},
    {"RFC 9110 8.8.3 tags without a comma", &strong, HTTP1_GET, "If-None-Match: \"v0\"\"v1\"\r\n", 200},
    {"RFC 9110 8.8.3 a space in a tag", &strong, HTTP1_GET, "If-None-Match: \"v 1\", \"v1\"\r\n", 200},
    {"RFC 9110 13.1.3 not modified since then", &strong, HTTP1_GET, "If-Modified-Since: " MODIFIED "\r\n",
     304},
    {"RFC 9110 13.1.3 not modified since later", &strong, HTTP1_HEAD, "If-Modified-Since: " LATER "\r\n",
     304},
    {"RFC 9110 13.1.3 modified since", &strong, HTTP1_GET, "If-Modified-Since: " EARLIER "\r\n", 200},
    {"RFC 9110 13.1.3 of rfc850-date", &strong, HTTP1_GET,
     "If-Modified-Since: Sunday, 06-Nov-94 08:49:37 GMT\r\n", 304},
    {"RFC 9110 13.1.3 only with GET and HEAD", &strong, HTTP1_PUT, "If-Modified-Since: " MODIFIED "\r\n",
     200},
    {"RFC 9110 13.1.3 a malformed date is ignored", &strong, HTTP1_GET, "If-Modified-Since: 784111777\r\n",
     200},
    {"RFC 9110 13.1.3 ignored beside If-None-Match", &strong, HTTP1_GET,
     "If-None-Match: \"v2\"\r\nIf-Modified-Since: " MODIFIED "\r\n", 200},
    {"RFC 9110 13.1.3 ignored without a date to compare", &bare, HTTP1_GET,
     "If-Modified-Since: " MODIFIED "\r\n", 200},
    {"RFC 9110 13.2.2 If-Match comes before If-None-Match", &strong, HTTP1_GET,
     "If-None-Match: \"v1\"\r\nIf-Match: \"v2\"\r\n", 412},
    {"RFC 9110 13.2.2 both hold", &strong, HTTP1_GET, "If-Match: \"v1\"\r\nIf-None-Match: \"v2\"\r\n", 200},
    {"RFC 9110 13.2.2 If-Match holds, If-None-Match does not", &strong, HTTP1_GET,
     "If-Match: \"v1\"\r\nIf-None-Match: \"v1\"\r\n", 304},
    {"RFC 9110 13.2.2 If-Unmodified-Since comes before If-Modified-Since", &strong, HTTP1_GET,
     "If-Modified-Since: " LATER "\r\nIf-Unmodified-Since: " EARLIER "\r\n", 412},
    {"RFC 9110 14.2 a range", &strong, HTTP1_GET, RANGE, 206},
    {"RFC 9110 14.2 a range with HEAD is ignored", &strong, HTTP1_HEAD, RANGE, 200},
    {"RFC 9110 14.2 a range with PUT is ignored", &strong, HTTP1_PUT, RANGE, 200},
    {"RFC 9110 14.2 two Range fields are ignored", &strong, HTTP1_GET, RANGE RANGE, 200},
    {"RFC 9110 13.2.2 304 comes before a range", &strong, HTTP1_GET, RANGE "If-None-Match: \"v1\"\r\n", 304},
    {"RFC 9110 13.2.2 412 comes before a range", &strong, HTTP1_GET, RANGE "If-Match: \"v2\"\r\n", 412},
    {"RFC 9110 13.2.2 a range when the precondition holds", &strong, HTTP1_GET, RANGE "If-Match: \"v1\"\r\n",
     206},
    {"RFC 9110 13.1.5 If-Range with the tag", &strong, HTTP1_GET, RANGE "If-Range: \"v1\"\r\n", 206},
    {"RFC 9110 13.1.5 If-Range with another", &strong, HTTP1_GET, RANGE "If-Range: \"v2\"\r\n", 200},
    {"RFC 9110 13.1.5 If-Range with a weak tag", &weak, HTTP1_GET, RANGE "If-Range: W/\"v1\"\r\n", 200},
    {"RFC 9110 13.1.5 If-Range with a list", &strong, HTTP1_GET, RANGE "If-Range: \"v1\", \"v2\"\r\n", 200},
    {"RFC 9110 13.1.5 If-Range twice", &strong, HTTP1_GET, RANGE "If-Range: \"v1\"\r\nIf-Range: \"v1\"\r\n",
     200},
    {"RFC 9110 13.1.5 If-Range with the date", &strong, HTTP1_GET, RANGE "If-Range: " MODIFIED "\r\n", 206},
    {"RFC 9110 13.1.5 If-Range with a later date", &strong, HTTP1_GET, RANGE "If-Range: " LATER "\r\n", 200},
    {"RFC 9110 13.1.5 If-Range with an earlier date", &strong, HTTP1_GET, RANGE "If-Range: " EARLIER "\r\n",
     200},
    {"RFC 9110 13.1.5 If-Range with nonsense", &strong, HTTP1_GET, RANGE "If-Range: v1\r\n", 200},
    {"RFC 9110 13.1.5 If-Range with a star", &strong, HTTP1_GET, RANGE "If-Range: *\r\n", 200},
    {"RFC 9110 13.1.5 If-Range where there is neither", &bare, HTTP1_GET, RANGE "If-Range: \"v1\"\r\n", 200},
    {"RFC 9110 13.1.5 If-Range without a range", &strong, HTTP1_GET, "If-Range: \"v1\"\r\n", 200},
};

static enum conditional judge(const struct representation *now, enum http1_method method, const char *lines,
                              struct span *range) {
    char head[512];
    struct http1_field list[8];
    struct http1_fields fields = {list, 0, 8};
    strcat(strcpy(head, lines), "\r\n");
    ck_assert_int_eq(http1_fields_decode(span_text(head), &fields).kind, VERDICT_FRAME);
    enum conditional result = conditional_judge(&fields, method, now, NOW, range);
    if (range->n > 0) /* head is about to go */
        *range = span_equal(*range, span_text("bytes=0-1")) ? span_text("bytes=0-1") : span_text("?");
    return result;
}

START_TEST(case_by_its_section)
{
    const struct conditional_case *c = &cases[_i];
    struct span range;
    enum conditional result = judge(c->now, c->method, c->lines, &range);
    int got = result == CONDITIONAL_NOT_MODIFIED          ? 304
              : result == CONDITIONAL_PRECONDITION_FAILED ? 412
              : range.n > 0                               ? 206
                                                          : 200;
    ck_assert_msg(got == c->expected, "%s: %d instead of %d", c->name, got, c->expected);
    if (got == 206)
        ck_assert(span_equal(range, span_text("bytes=0-1")));
    else
        ck_assert_uint_eq(range.n, 0);
}
END_TEST

START_TEST(rfc_9110_8_8_3_2_comparison)
{
    struct span w1 = span_text("W/\"1\""), w2 = span_text("W/\"2\""), s1 = span_text("\"1\""),
                none = {NULL, 0};
    ck_assert(!etag_equal_strong(w1, w1));
    ck_assert(!etag_equal_strong(w1, s1));
    ck_assert(!etag_equal_strong(s1, w1));
    ck_assert(etag_equal_strong(s1, s1));
    ck_assert(etag_equal_weak(w1, w1));
    ck_assert(!etag_equal_weak(w1, w2));
    ck_assert(etag_equal_weak(w1, s1));
    ck_assert(etag_equal_weak(s1, s1));
    ck_assert(!etag_equal_strong(none, none));
    ck_assert(!etag_equal_weak(none, none));
}
END_TEST

START_TEST(rfc_9110_8_8_3_a_list_of_tags)
{
    struct span rest = span_text(" , \"\" ,W/\"a,b\",\"\xc3\xa9!~\"\t"), etag;
    static const char *const tags[] = {"\"\"", "W/\"a,b\"", "\"\xc3\xa9!~\""};
    for (size_t i = 0; i < 3; i++) {
        ck_assert(etag_next(&rest, &etag));
        ck_assert(span_equal(etag, span_text(tags[i])));
    }
    ck_assert(!etag_next(&rest, &etag));
    rest = span_text("W/");
    ck_assert(!etag_next(&rest, &etag));
    rest = span_text("");
    ck_assert(!etag_next(&rest, &etag));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("conditional");
    TCase *tests = tcase_create("conditional");
    tcase_add_loop_test(tests, case_by_its_section, 0, (int)(sizeof(cases) / sizeof(cases[0])));
    tcase_add_test(tests, rfc_9110_8_8_3_2_comparison);
    tcase_add_test(tests, rfc_9110_8_8_3_a_list_of_tags);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
