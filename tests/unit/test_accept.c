/* Which content codings and media types a client takes, RFC 9110, 12.5. */
#include "proto/accept.h"

#include <check.h>
#include <stdlib.h>

static const struct {
    const char *value, *coding;
    unsigned weight;
} cases[] = {
    {"gzip", "gzip", 1000},
    {"GZip", "gzip", 1000},
    {"br, gzip;q=0.5", "gzip", 500},
    {"br, gzip;q=0.5", "br", 1000},
    {"br, gzip;q=0.5", "zstd", 0},
    {"gzip;q=0", "gzip", 0},
    {"gzip; q=0.000", "gzip", 0},
    {"gzip;q=0.", "gzip", 0},
    {"gzip;q=0.001", "gzip", 1},
    {"gzip ;\tQ=0.25 , br", "gzip", 250},
    {"gzip;q=1", "gzip", 1000},
    {"gzip;q=1.000", "gzip", 1000},
    {"gzip;q=0.5;x", "gzip", 500},
    {"*", "gzip", 1000},
    {"*;q=0", "gzip", 0},
    {"*;q=0, gzip", "gzip", 1000},
    {"*;q=0.3", "identity", 300},
    {"gzip;q=0, *", "gzip", 0},
    {"identity", "gzip", 0},
    {"gzip", "identity", 0},
    {"identity;q=0.7", "identity", 700},
    {"", "gzip", 0},
    {"gzipped", "gzip", 0},
    {" , ,gzip", "gzip", 1000},
    /* malformed weights count as none */
    {"gzip;q=", "gzip", 1000},
    {"gzip;q=0.0000", "gzip", 1000},
    {"gzip;q=0,5", "gzip", 0},
    {"gzip;q=.5", "gzip", 1000},
    {"gzip;q=0.5x", "gzip", 1000},
    {"gzip;q=05", "gzip", 1000},
    {"gzip;q", "gzip", 1000},
    {"gzip;", "gzip", 1000},
};

START_TEST(codings_by_name_and_weight)
{
    struct http1_field field = {span_text("accept-encoding"), span_text(cases[_i].value)};
    struct http1_fields fields = {&field, 1, 1};
    unsigned weight = accept_coding(&fields, span_text(cases[_i].coding));
    ck_assert_msg(weight == cases[_i].weight, "'%s' and %s: %u", cases[_i].value, cases[_i].coding, weight);
}
END_TEST

static const struct {
    const char *value, *type;
    bool accepted;
} types[] = {
    {"application/json, text/event-stream", "text/event-stream", true},
    {"application/json,text/event-stream", "application/json", true},
    {"application/json", "text/event-stream", false},
    {"Text/Event-Stream; charset=utf-8", "text/event-stream", true},
    {"text/*", "text/event-stream", true},
    {"application/*", "text/event-stream", false},
    {"text/*", "textual/event-stream", false},
    {"*/*", "text/event-stream", true},
    {"*/*;q=0.1", "text/event-stream", true},
    {"*", "text/event-stream", false},
    {"text/event-stream;q=0, */*", "text/event-stream", false},
    {"text/*;q=0, */*", "text/event-stream", false},
    {"text/*;q=0, text/event-stream", "text/event-stream", true},
    {"text/event-stream;charset=utf-8;q=0", "text/event-stream", false},
    {"text/event-streams", "text/event-stream", false},
    {"x-text/event-stream", "text/event-stream", false},
    {"", "text/event-stream", false},
    {";q=1", "text/event-stream", false},
};

START_TEST(types_by_the_most_precise_range)
{
    struct http1_field field = {span_text("accept"), span_text(types[_i].value)};
    struct http1_fields fields = {&field, 1, 1};
    ck_assert_msg((accept_type(&fields, span_text(types[_i].type)) > 0) == types[_i].accepted, "'%s' and %s",
                  types[_i].value, types[_i].type);
}
END_TEST

START_TEST(without_the_field_there_is_none)
{
    struct http1_fields fields = {NULL, 0, 0};
    ck_assert(!accept_coding(&fields, span_text("gzip")));
    ck_assert(!accept_type(&fields, span_text("text/event-stream")));
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
    tcase_add_loop_test(tests, types_by_the_most_precise_range, 0, sizeof(types) / sizeof(types[0]));
    tcase_add_test(tests, without_the_field_there_is_none);
    tcase_add_test(tests, several_fields_are_one_list);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
