/* Looking fields up and taking lists apart. */
#include "proto/http1_fields.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>

static struct http1_field list[8];

static struct http1_fields decoded(const char *lines) {
    struct http1_fields fields = {list, 0, 8};
    struct http1_verdict verdict = http1_fields_decode(span_text(lines), &fields);
    ck_assert_int_eq(verdict.kind, VERDICT_FRAME);
    ck_assert_uint_eq(verdict.n, strlen(lines));
    return fields;
}

static void is(struct span got, const char *expected) {
    ck_assert_msg(span_equal(got, span_text(expected)), "\"%.*s\" instead of \"%s\"", (int)got.n, got.p,
                  expected);
}

START_TEST(rfc_9110_5_1_names_are_found_in_any_case)
{
    struct http1_fields fields = decoded("ETag: \"1\"\r\nX-Etag: 2\r\nEta: 3\r\netag: 4\r\n\r\n");
    struct span value;
    ck_assert_uint_eq(http1_fields_find(&fields, span_text("etAG"), &value), 2);
    is(value, "\"1\"");
    ck_assert_uint_eq(http1_fields_find(&fields, span_text("x-ETAG"), &value), 1);
    is(value, "2");
    ck_assert_uint_eq(http1_fields_find(&fields, span_text("Etags"), &value), 0);
    ck_assert_ptr_null(value.p);
}
END_TEST

START_TEST(rfc_9110_5_2_lines_of_one_name_come_in_order)
{
    struct http1_fields fields = decoded("A: 1\r\nB: 2\r\na: 3\r\nA:\r\n\r\n");
    unsigned i = 0;
    is(http1_fields_next(&fields, span_text("a"), &i)->value, "1");
    ck_assert_uint_eq(i, 1);
    is(http1_fields_next(&fields, span_text("a"), &i)->value, "3");
    is(http1_fields_next(&fields, span_text("a"), &i)->value, "");
    ck_assert_ptr_null(http1_fields_next(&fields, span_text("a"), &i));
}
END_TEST

START_TEST(an_empty_field_is_not_a_missing_one)
{
    struct http1_fields fields = decoded("A:\r\n\r\n");
    struct span value;
    ck_assert_uint_eq(http1_fields_find(&fields, span_text("A"), &value), 1);
    ck_assert_ptr_nonnull(value.p);
    ck_assert_uint_eq(value.n, 0);
}
END_TEST

START_TEST(no_lines_are_no_fields)
{ ck_assert_uint_eq(decoded("\r\n").n, 0); }
END_TEST

START_TEST(rfc_9110_5_6_1_members_are_trimmed)
{
    struct span rest = span_text("a,b ,\tc d\t, \"e\",,"), member;
    static const char *const members[] = {"a", "b", "c d", "\"e\"", "", ""};
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        ck_assert(http1_list_next(&rest, &member));
        is(member, members[i]);
    }
    ck_assert(!http1_list_next(&rest, &member));
    ck_assert(!http1_list_next(&rest, &member));
}
END_TEST

START_TEST(rfc_9110_5_6_1_an_empty_value_has_one_empty_member)
{
    struct span rest = span_text(""), member = span_text("x");
    ck_assert(http1_list_next(&rest, &member));
    is(member, "");
    ck_assert(!http1_list_next(&rest, &member));
}
END_TEST

/* Words of eight bytes are checked at once: a byte at every place of one, of every kind. */
START_TEST(rfc_9110_5_5_every_byte_at_every_place_of_a_value)
{
    for (int c = 0; c < 256; c++)
        for (size_t place = 0; place < 20; place++) {
            char lines[] = "A: b12345678901234567890b\r\n\r\n";
            lines[4 + place] = (char)c;
            struct http1_fields fields = {list, 0, 8};
            struct http1_verdict verdict = http1_fields_decode(span_of(lines, sizeof(lines) - 1), &fields);
            bool allowed = c == '\t' || (c >= ' ' && c != 0x7f);
            ck_assert_msg((verdict.kind == VERDICT_FRAME) == allowed, "byte %d at %zu", c, place);
            if (allowed)
                ck_assert_uint_eq(list[0].value.n, 22);
        }
}
END_TEST

START_TEST(numbers_are_digits_and_within_bounds)
{
    uint64_t value = 7;
    ck_assert_int_eq(span_number(span_text("18446744073709551615"), UINT64_MAX, &value), 0);
    ck_assert_uint_eq(value, UINT64_MAX);
    ck_assert_int_eq(span_number(span_text("18446744073709551616"), UINT64_MAX, &value), -ERANGE);
    ck_assert_int_eq(span_number(span_text("99999999999999999999999"), UINT64_MAX, &value), -ERANGE);
    ck_assert_int_eq(span_number(span_text("7"), 6, &value), -ERANGE);
    ck_assert_int_eq(span_number(span_text("10"), 9, &value), -ERANGE);
    ck_assert_int_eq(span_number(span_text(""), 9, &value), -EINVAL);
    ck_assert_int_eq(span_number(span_text("1 "), 9, &value), -EINVAL);
    ck_assert_int_eq(span_number(span_text("-1"), 9, &value), -EINVAL);
    ck_assert_uint_eq(value, UINT64_MAX);
    ck_assert_int_eq(span_number(span_text("00"), 0, &value), 0);
    ck_assert_uint_eq(value, 0);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("http1_fields");
    TCase *tests = tcase_create("http1_fields");
    tcase_add_test(tests, rfc_9110_5_1_names_are_found_in_any_case);
    tcase_add_test(tests, rfc_9110_5_2_lines_of_one_name_come_in_order);
    tcase_add_test(tests, an_empty_field_is_not_a_missing_one);
    tcase_add_test(tests, no_lines_are_no_fields);
    tcase_add_test(tests, rfc_9110_5_6_1_members_are_trimmed);
    tcase_add_test(tests, rfc_9110_5_6_1_an_empty_value_has_one_empty_member);
    tcase_add_test(tests, rfc_9110_5_5_every_byte_at_every_place_of_a_value);
    tcase_add_test(tests, numbers_are_digits_and_within_bounds);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
