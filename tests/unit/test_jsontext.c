#include "proto/jsontext.h"

#include <check.h>
#include <stdlib.h>

#define DEPTH 8

/* The text in memory of exactly its size, so that a read past its end is found. */
static const char *check(const char *text, size_t n, struct span *value, char **copy) {
    *copy = malloc(n ? n : 1);
    ck_assert_ptr_nonnull(*copy);
    memcpy(*copy, text, n);
    return jsontext_check(span_of(*copy, n), DEPTH, value);
}

static void assert_good(const char *text) {
    struct span value;
    char *copy;
    const char *reason = check(text, strlen(text), &value, &copy);
    ck_assert_msg(!reason, "%s: %s", text, reason);
    ck_assert(!strchr(" \t\r\n", value.p[0]) && !strchr(" \t\r\n", value.p[value.n - 1]));
    for (size_t cut = 0; cut < strlen(text); cut++) {
        char *part;
        struct span ignored;
        const char *cut_reason = check(text, cut, &ignored, &part);
        bool number = jsontext_kind(value) == JSONTEXT_NUMBER; /* the only value of which a part is one */
        bool space = cut >= (size_t)(value.p - copy) + value.n;
        ck_assert_msg(cut_reason || number || space, "%s cut at %zu", text, cut);
        free(part);
    }
    free(copy);
}

static void assert_bad(const char *text, size_t n) {
    struct span value;
    char *copy;
    ck_assert_msg(check(text, n, &value, &copy) != NULL, "%.*s", (int)n, text);
    free(copy);
}

START_TEST(what_is_wrong_has_its_place)
{
    static const struct {
        const char *text;
        size_t at;
    } rows[] = {{"", 0},          {" ", 1},       {"{\"a\":}", 5},      {"[1,NaN]", 3},   {"[1,2", 4},
                {"[1] x", 4},     {"[1,]", 3},    {"{\"a\" 1}", 5},     {"[01]", 2},      {"[1.x]", 3},
                {"\"a\\xb\"", 3}, {"\"a\n\"", 2}, {"{\"a\":1,b:2}", 7}, {"\"\\u12\"", 3}, {"[[[[[[[[[", 8}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct span value;
        char *copy;
        ck_assert_ptr_nonnull(check(rows[i].text, strlen(rows[i].text), &value, &copy));
        ck_assert_msg(value.n == 0 && value.p == copy + rows[i].at, "%s", rows[i].text);
        free(copy);
    }
}
END_TEST

START_TEST(values_are_accepted_and_their_parts_are_not)
{
    static const char *const good[] = {
        "{}",
        "[]",
        "0",
        "-0",
        "1.5e+10",
        "1E-3",
        "true",
        "false",
        "null",
        "\"\"",
        " \t\r\n[ ] ",
        "[[[[[[[[]]]]]]]]",
        "{\"a\":{\"b\":[1,2,{\"c\":null}]},\"\":\"\"}",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\"",
        "\"\\ud83d\\ude00\"",
        "\"\xc3\xbc\xe2\x9c\x93\xf0\x9f\x98\x80\"",
        "[1,\"]\",{\"}\":\"[\"}]",
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_good(good[i]);
}
END_TEST

START_TEST(what_is_no_json_is_refused)
{
    static const char *const bad[] = {
        "",
        " ",
        "{",
        "}",
        "[",
        "[1,]",
        "[,1]",
        "{,}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "{1:1}",
        "[1 2]",
        "01",
        "+1",
        ".5",
        "1.",
        "1e",
        "1e+",
        "-",
        "--1",
        "0x1",
        "NaN",
        "Infinity",
        "tru",
        "truee",
        "nulll",
        "'a'",
        "\"a",
        "\"\\\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u123g\"",
        "\"\n\"",
        "[1}",
        "{\"a\":1]",
        "[[[[[[[[[]]]]]]]]]",
        "1 1",
        "\"\\ud800\"",
        "\"\\udc00\"",
        "\"\\ud800\\n\"",
        "\"\\ud800\\ud800\"",
        "\"\\u0000\"",
        "\xef\xbb\xbf{}",
        "\"\xff\"",
        "\"\xc0\xaf\"",
        "\"\xed\xa0\x80\"",
        "\"\xf4\x90\x80\x80\"",
        "\"\xe2\x82\"",
        "// x\n1",
        "[1]x",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_bad(bad[i], strlen(bad[i]));
    assert_bad("[1]\0", 4);
    assert_bad("\"a\0b\"", 5);
    assert_bad("\0", 1);
}
END_TEST

START_TEST(members_and_elements_are_the_bytes_as_written)
{
    const char *text = "{ \"a\" : 1e3 ,\"b\":[1, \"x,y\" ,{\"c\":2}],\"a\\u0062\":\"\\\"}\" }";
    struct span value, rest, name, member;
    ck_assert_ptr_null(jsontext_check(span_text(text), DEPTH, &value));
    rest = jsontext_inside(value);
    static const char *const names[] = {"\"a\"", "\"b\"", "\"a\\u0062\""};
    static const char *const values[] = {"1e3", "[1, \"x,y\" ,{\"c\":2}]", "\"\\\"}\""};
    for (int i = 0; i < 3; i++) {
        ck_assert(jsontext_member(&rest, &name, &member));
        ck_assert(span_equal(name, span_text(names[i])));
        ck_assert(span_equal(member, span_text(values[i])));
        if (i == 1) {
            static const char *const elements[] = {"1", "\"x,y\"", "{\"c\":2}"};
            struct span inside = jsontext_inside(member), element;
            for (int j = 0; j < 3; j++) {
                ck_assert(jsontext_element(&inside, &element));
                ck_assert(span_equal(element, span_text(elements[j])));
            }
            ck_assert(!jsontext_element(&inside, &element));
        }
    }
    ck_assert(!jsontext_member(&rest, &name, &member));
}
END_TEST

START_TEST(a_member_is_found_by_its_name)
{
    static const struct {
        const char *text, *found;
    } rows[] = {
        {"{\"a\":1,\"b\":2}", "1"},  {"{\"a\":1,\"\\u0061\":[2]}", "[2]"},
        {"{\"b\":{\"a\":1}}", NULL}, {"{}", NULL},
        {"[\"a\",1]", NULL},         {"\"a\"", NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct span found = jsontext_find(span_text(rows[i].text), "a");
        ck_assert_msg(rows[i].found ? span_equal(found, span_text(rows[i].found)) : !found.p, "%s",
                      rows[i].text);
    }
    ck_assert_ptr_null(jsontext_find(span_of(NULL, 0), "a").p);
}
END_TEST

START_TEST(strings_are_decoded)
{
    static const struct {
        const char *string, *text;
    } rows[] = {
        {"\"\"", ""},
        {"\"plain\"", "plain"},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"},
        {"\"\\u0041\\u00fc\\u2713\\ud83d\\uDE00\"", "A\xc3\xbc\xe2\x9c\x93\xf0\x9f\x98\x80"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char out[32];
        size_t n = strlen(rows[i].text);
        struct span string = span_text(rows[i].string);
        ck_assert_int_eq(jsontext_string(string, out, sizeof(out)), (ssize_t)n);
        ck_assert_int_eq(memcmp(out, rows[i].text, n), 0);
        ck_assert_int_eq(jsontext_string(string, out, n), (ssize_t)n);
        if (n > 0)
            ck_assert_int_eq(jsontext_string(string, out, n - 1), -1);
        ck_assert(jsontext_is(string, rows[i].text));
        ck_assert(!jsontext_is(string, "other"));
    }
    ck_assert(!jsontext_is(span_text("\"ab\""), "a"));
    ck_assert(!jsontext_is(span_text("\"a\""), "ab"));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("jsontext");
    TCase *tests = tcase_create("jsontext");
    tcase_add_test(tests, what_is_wrong_has_its_place);
    tcase_add_test(tests, values_are_accepted_and_their_parts_are_not);
    tcase_add_test(tests, what_is_no_json_is_refused);
    tcase_add_test(tests, members_and_elements_are_the_bytes_as_written);
    tcase_add_test(tests, a_member_is_found_by_its_name);
    tcase_add_test(tests, strings_are_decoded);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
