/* Which content codings a client takes, RFC 9110, 12.5.3. */
#include "proto/accept.h"

#include <check.h>
#include <stdlib.h>

static const struct {
    const char *value, *coding;
    bool accepted;
} cases[] = {
    {"gzip", "gzip", true},
    {"GZip", "gzip", true},
    {"br, gzip;q=0.5", "gzip", true},
    {"br, gzip;q=0.5", "br", true},
    {"br, gzip;q=0.5", "zstd", false},
    {"gzip;q=0", "gzip", false},
    {"gzip; q=0.000", "gzip", false},
    {"gzip;q=0.001", "gzip", true},
    {"*", "gzip", true},
    {"*;q=0", "gzip", false},
    {"*;q=0, gzip", "gzip", true},
    {"gzip;q=0, *", "gzip", false},
    {"identity", "gzip", false},
    {"", "gzip", false},
    {"gzipped", "gzip", false},
    {"gzip;q=", "gzip", true},
    {" , ,gzip", "gzip", true},
};

START_TEST(codings_by_name_and_weight)
{
    struct http1_field field = {span_text("accept-encoding"), span_text(cases[_i].value)};
    struct http1_fields fields = {&field, 1, 1};
    ck_assert_msg(accept_coding(&fields, span_text(cases[_i].coding)) == cases[_i].accepted, "'%s' and %s",
                  cases[_i].value, cases[_i].coding);
}
END_TEST

START_TEST(without_the_field_there_is_none)
{
    struct http1_fields fields = {NULL, 0, 0};
    ck_assert(!accept_coding(&fields, span_text("gzip")));
}
END_TEST

START_TEST(several_fields_are_one_list)
{
    struct http1_field list[] = {{span_text("Accept-Encoding"), span_text("br")},
                                 {span_text("Accept"), span_text("gzip")},
                                 {span_text("Accept-Encoding"), span_text("zstd")}};
    struct http1_fields fields = {list, 3, 3};
    ck_assert(accept_coding(&fields, span_text("zstd")));
    ck_assert(!accept_coding(&fields, span_text("gzip")));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("accept");
    TCase *tests = tcase_create("accept");
    tcase_add_loop_test(tests, codings_by_name_and_weight, 0, sizeof(cases) / sizeof(cases[0]));
    tcase_add_test(tests, without_the_field_there_is_none);
    tcase_add_test(tests, several_fields_are_one_list);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
