#include "proto/lines.h"

#include <check.h>
#include <stdlib.h>

#define LIMIT 8

static struct verdict decode(const char *bytes, size_t seen, struct span *line) {
    return lines_decode(bytes, strlen(bytes), seen, LIMIT, line);
}

static void assert_line(const char *bytes, const char *expected, size_t whole) {
    struct span line;
    struct verdict verdict = decode(bytes, 0, &line);
    ck_assert_int_eq(verdict.kind, VERDICT_FRAME);
    ck_assert(span_equal(line, span_text(expected)));
    ck_assert_uint_eq(verdict.n, whole);
}

START_TEST(a_line_is_what_stands_before_its_end)
{
    assert_line("abc\nde", "abc", 4);
    assert_line("abc\r\nde", "abc", 5);
    assert_line("\n", "", 1);
    assert_line("\r\n", "", 2);
    assert_line("a\rb\n", "a\rb", 4);
    assert_line("12345678\n", "12345678", 9);
    assert_line("12345678\r\n", "12345678", 10);
}
END_TEST

START_TEST(a_line_without_its_end_asks_for_more)
{
    struct span line;
    static const char *const texts[] = {"", "a", "1234567", "12345678", "12345678\r"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        for (size_t seen = 0; seen <= strlen(texts[i]); seen++)
            ck_assert_int_eq(decode(texts[i], seen, &line).kind, VERDICT_MORE);
}
END_TEST

START_TEST(a_line_over_the_limit_is_told_as_soon_as_it_is_certain)
{
    struct span line;
    static const char *const texts[] = {"123456789", "123456789\n", "123456789\r\n", "12345678\r\r",
                                        "12345678\rx"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct verdict verdict = decode(texts[i], 0, &line);
        ck_assert_msg(verdict.kind == VERDICT_BAD, "%s", texts[i]);
        ck_assert_int_eq(verdict.status, STATUS_TOO_LARGE);
    }
}
END_TEST

START_TEST(only_what_is_new_is_looked_at)
{
    struct span line;
    ck_assert_int_eq(decode("ab\ncd\n", 3, &line).kind, VERDICT_FRAME);
    ck_assert(span_equal(line, span_text("ab\ncd"))); /* the caller said: no line end in the first 3 */
}
END_TEST

int main(void) {
    Suite *suite = suite_create("lines");
    TCase *tests = tcase_create("lines");
    tcase_add_test(tests, a_line_is_what_stands_before_its_end);
    tcase_add_test(tests, a_line_without_its_end_asks_for_more);
    tcase_add_test(tests, a_line_over_the_limit_is_told_as_soon_as_it_is_certain);
    tcase_add_test(tests, only_what_is_new_is_looked_at);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
