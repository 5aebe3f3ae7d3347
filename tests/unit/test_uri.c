/* Authorities, percent-encoding, paths and queries (RFC 3986). */
#include "proto/uri.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>

static void is(struct span got, const char *expected, const char *of) {
    ck_assert_msg(span_equal(got, span_text(expected)), "%s: \"%.*s\" instead of \"%s\"", of, (int)got.n,
                  got.p, expected);
}

struct authority_case {
    const char *text;
    const char *host; /* NULL: refused */
    int port;
};

static const struct authority_case authorities[] = {
    {"a", "a", -1},
    {"a.example", "a.example", -1},
    {"a.example.", "a.example.", -1},
    {"A-b_c.~d", "A-b_c.~d", -1},
    {"a:80", "a", 80},
    {"a:0", "a", 0},
    {"a:65535", "a", 65535},
    {"a:00080", "a", 80},
    {"a:", "a", -1}, /* RFC 3986, 6.2.3 */
    {"127.0.0.1:8080", "127.0.0.1", 8080},
    {"[::1]", "[::1]", -1},
    {"[::1]:80", "[::1]", 80},
    {"[2001:DB8:0:0:1:2:3:4]:1", "[2001:DB8:0:0:1:2:3:4]", 1},
    {"[::ffff:192.0.2.1]", "[::ffff:192.0.2.1]", -1},
    {"", NULL, 0},
    {":", NULL, 0},
    {":80", NULL, 0},
    {"a:65536", NULL, 0},
    {"a:000080", NULL, 0},
    {"a:+80", NULL, 0},
    {"a:-1", NULL, 0},
    {"a:80:81", NULL, 0},
    {"a:8o", NULL, 0},
    {"a:80 ", NULL, 0},
    {" a", NULL, 0},
    {"a b", NULL, 0},
    {"a,b", NULL, 0},
    {"a/b", NULL, 0},
    {"a?b", NULL, 0},
    {"a#b", NULL, 0},
    {"a\\b", NULL, 0},
    {"u@a", NULL, 0},
    {"u:p@a", NULL, 0},
    {"a%41", NULL, 0},
    {"a!", NULL, 0},
    {"\xc3\xa9", NULL, 0},
    {"::1", NULL, 0},
    {"[::1", NULL, 0},
    {"::1]", NULL, 0},
    {"[]", NULL, 0},
    {"[::1]80", NULL, 0},
    {"[::1]]", NULL, 0},
    {"[1::2::3]", NULL, 0},
    {"[a]", NULL, 0},
    {"[127.0.0.1]", NULL, 0},
    {"[fe80::1%25eth0]", NULL, 0},
    {"[v1.a]", NULL, 0},
    {"[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]", NULL, 0},
};

START_TEST(rfc_3986_3_2_authority)
{
    const struct authority_case *c = &authorities[_i];
    struct uri_authority got;
    int error = uri_authority_decode(span_text(c->text), &got);
    ck_assert_msg(error == (c->host ? 0 : -EINVAL), "\"%s\": %d", c->text, error);
    if (!c->host)
        return;
    is(got.host, c->host, c->text);
    ck_assert_int_eq(got.port, c->port);
}
END_TEST

START_TEST(rfc_3986_3_2_2_a_NUL_ends_no_host)
{
    struct uri_authority got;
    ck_assert_int_eq(uri_authority_decode(span_of("a\0b", 3), &got), -EINVAL);
    ck_assert_int_eq(uri_authority_decode(span_of("[::1\0]", 6), &got), -EINVAL);
}
END_TEST

START_TEST(a_host_may_have_255_bytes)
{
    char name[URI_HOST_MAX + 1];
    struct uri_authority got;
    memset(name, 'a', sizeof(name));
    ck_assert_int_eq(uri_authority_decode(span_of(name, URI_HOST_MAX), &got), 0);
    ck_assert_int_eq(uri_authority_decode(span_of(name, URI_HOST_MAX + 1), &got), -EINVAL);
}
END_TEST

START_TEST(rfc_9110_4_2_3_equal_authorities)
{
    struct uri_authority plain = {span_text("a.example"), -1}, with_port = {span_text("A.Example"), 80},
                         other = {span_text("b.example"), 80};
    ck_assert(uri_authority_equal(&plain, &with_port, 80));
    ck_assert(uri_authority_equal(&with_port, &plain, 80));
    ck_assert(!uri_authority_equal(&plain, &with_port, 443));
    ck_assert(!uri_authority_equal(&other, &with_port, 80));
}
END_TEST

struct decode_case {
    const char *in;
    const char *out; /* NULL: refused */
};

static const struct decode_case escapes[] = {
    {"", ""},
    {"abc", "abc"},
    {"%61%62", "ab"},
    {"a%2fb%2F", "a/b/"},
    {"%e4%BD%a0", "\xe4\xbd\xa0"},
    {"%25%32%35", "%25"}, /* once, not twice */
    {"%20+", " +"},
    {"%0a%0D%7f", "\n\r\x7f"},
    {"%FF", "\xff"},
    {"%", NULL},
    {"a%", NULL},
    {"a%4", NULL},
    {"%4g", NULL},
    {"%g4", NULL},
    {"% 4", NULL},
    {"%%41", NULL},
    {"%u0041", NULL},
    {"%-1", NULL},
    {"%00", NULL},
    {"a%00b", NULL},
};

START_TEST(rfc_3986_2_1_percent_encoding)
{
    const struct decode_case *c = &escapes[_i];
    char out[32];
    ssize_t n = uri_decode(span_text(c->in), out, sizeof(out));
    if (!c->out) {
        ck_assert_msg(n == -EINVAL, "\"%s\": %zd", c->in, n);
        return;
    }
    ck_assert_msg(n >= 0, "\"%s\": %zd", c->in, n);
    is(span_of(out, (size_t)n), c->out, c->in);
}
END_TEST

START_TEST(decoding_in_place_and_within_bounds)
{
    char text[] = "a%20b+c%2B";
    struct span in = span_text(text);
    ck_assert_int_eq(uri_form_decode(in, text, sizeof(text) - 1), 6);
    ck_assert_mem_eq(text, "a b c+", 6);
    char out[3] = {0, 0, 'x'};
    ck_assert_int_eq(uri_decode(span_text("ab"), out, 2), 2);
    ck_assert_int_eq(uri_decode(span_text("ab%63"), out, 2), -ENOBUFS);
    ck_assert_int_eq(out[2], 'x');
}
END_TEST

static const struct decode_case paths[] = {
    {"/", "/"},
    {"/a/b/c", "/a/b/c"},
    {"/a/./b", "/a/b"},
    {"/a/../b", "/b"},
    {"/a/b/../../c", "/c"},
    {"/a/b/c/./../../g", "/a/g"}, /* RFC 3986, 5.2.4 */
    {"/a/.", "/a/"},
    {"/a/./", "/a/"},
    {"/a/..", "/"},
    {"/a/../", "/"},
    {"/a/b/..", "/a/"},
    {"/.", "/"},
    {"/./", "/"},
    {"/./a", "/a"},
    {"/.a", "/.a"},
    {"/..a/b", "/..a/b"},
    {"/a./b../...", "/a./b../..."},
    {"/%2e%2E/a", NULL},
    {"/a/%2e%2e/b", "/b"},
    {"/a/.%2E/b", "/b"},
    {"/a/%2e/b", "/a/b"},
    {"/h%65llo", "/hello"},
    {"/%7euser", "/~user"},
    {"/a%2fb", "/a%2Fb"},
    {"/a%2f..%2fb", "/a%2F..%2Fb"}, /* one segment */
    {"/%e4%bd%a0", "/%E4%BD%A0"},
    {"/a%252e%252e/b", "/a%252e%252e/b"}, /* once, not twice */
    {"//", "//"},
    {"//a//b", "//a//b"},
    {"/a//../b", "/a/b"}, /* the empty segment goes */
    {"/a/b//..", "/a/b/"},
    {"//..", "/"},
    {"//../a", "/a"},
    {"/a;b=c,d:@!$&'()*+", "/a;b=c,d:@!$&'()*+"},
    {"/..", NULL},
    {"/../a", NULL},
    {"/a/../..", NULL},
    {"/a/../../b", NULL},
    {"/a/./.././../b", NULL},
    {"", NULL},
    {"a/b", NULL},
    {"*", NULL},
    {"/a%", NULL},
    {"/a%2", NULL},
    {"/a%zz", NULL},
    {"/a%00", NULL},
    {"/../%zz", NULL},
};

START_TEST(rfc_3986_6_2_2_path)
{
    const struct decode_case *c = &paths[_i];
    size_t n = strlen(c->in);
    char *out = malloc(n + 1); /* exactly what is promised to suffice */
    struct span normal, again;
    ck_assert_ptr_nonnull(out);
    int error = uri_normalise(span_text(c->in), out, n, &normal);
    ck_assert_msg(error == (c->out ? 0 : -EINVAL), "\"%s\": %d", c->in, error);
    if (c->out) {
        is(normal, c->out, c->in);
        char *twice = malloc(normal.n);
        ck_assert_ptr_nonnull(twice);
        ck_assert_int_eq(uri_normalise(normal, twice, normal.n, &again), 0);
        is(again, c->out, "again");
        free(twice);
    }
    free(out);
}
END_TEST

START_TEST(a_normal_path_is_not_copied)
{
    struct span path = span_text("/a/b"), normal;
    ck_assert_int_eq(uri_normalise(path, NULL, 0, &normal), 0);
    ck_assert_ptr_eq(normal.p, path.p);
    char out[3];
    ck_assert_int_eq(uri_normalise(span_text("/%61"), out, sizeof(out), &normal), -ENOBUFS);
}
END_TEST

START_TEST(pairs_of_a_query)
{
    struct span rest = span_text("a=1&b=&&c&=d&e=f=g&h=%26+"), name = span_of(NULL, 0);
    static const char *const pairs[][2] = {{"a", "1"}, {"b", ""},    {"c", NULL},
                                           {"", "d"},  {"e", "f=g"}, {"h", "%26+"}};
    struct uri_pair pair;
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        ck_assert(uri_query_next(&rest, &pair));
        is(pair.name, pairs[i][0], "name");
        if (pairs[i][1])
            is(pair.value, pairs[i][1], "value");
        else
            ck_assert_ptr_null(pair.value.p);
    }
    ck_assert(!uri_query_next(&rest, &pair));
    ck_assert(!uri_query_next(&name, &pair));
    rest = span_text("&&&");
    ck_assert(!uri_query_next(&rest, &pair));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("uri");
    TCase *tests = tcase_create("uri");
    tcase_add_loop_test(tests, rfc_3986_3_2_authority, 0,
                        (int)(sizeof(authorities) / sizeof(authorities[0])));
    tcase_add_test(tests, rfc_3986_3_2_2_a_NUL_ends_no_host);
    tcase_add_test(tests, a_host_may_have_255_bytes);
    tcase_add_test(tests, rfc_9110_4_2_3_equal_authorities);
    tcase_add_loop_test(tests, rfc_3986_2_1_percent_encoding, 0, (int)(sizeof(escapes) / sizeof(escapes[0])));
    tcase_add_test(tests, decoding_in_place_and_within_bounds);
    tcase_add_loop_test(tests, rfc_3986_6_2_2_path, 0, (int)(sizeof(paths) / sizeof(paths[0])));
    tcase_add_test(tests, a_normal_path_is_not_copied);
    tcase_add_test(tests, pairs_of_a_query);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
