/* Heads as they are written: byte for byte, within bounds, and nothing that splits a message. */
#include "proto/http1_writer.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>

#define RESPONSE                                                                                             \
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 18446744073709551615\r\nX-Empty: "       \
    "\r\n\r\n"

static int write_response(struct http1_writer *writer, char *out, size_t max) {
    http1_writer_init(writer, out, max);
    http1_writer_status(writer, 200);
    http1_writer_field(writer, span_text("Content-Type"), span_text("text/plain"));
    http1_writer_number(writer, span_text("Content-Length"), UINT64_MAX);
    http1_writer_field(writer, span_text("X-Empty"), span_of(NULL, 0));
    return http1_writer_end(writer);
}

START_TEST(a_response_byte_for_byte)
{
    char out[256];
    struct http1_writer writer;
    ck_assert_int_eq(write_response(&writer, out, sizeof(out)), 0);
    ck_assert_uint_eq(writer.n, strlen(RESPONSE));
    ck_assert_mem_eq(out, RESPONSE, writer.n);
}
END_TEST

START_TEST(room_is_enough_or_the_error_stays)
{
    size_t whole = strlen(RESPONSE);
    for (size_t max = 0; max <= whole; max++) {
        char *out = malloc(max ? max : 1);
        struct http1_writer writer;
        ck_assert_ptr_nonnull(out);
        ck_assert_int_eq(write_response(&writer, out, max), max < whole ? -ENOBUFS : 0);
        ck_assert_uint_le(writer.n, max);
        free(out);
    }
}
END_TEST

START_TEST(a_request_byte_for_byte)
{
    static const char expected[] = "GET /a?b=c HTTP/1.1\r\nHost: a\r\n\r\n";
    char out[64];
    struct http1_writer writer;
    http1_writer_init(&writer, out, sizeof(out));
    http1_writer_request(&writer, span_text("GET"), span_text("/a?b=c"));
    http1_writer_field(&writer, span_text("Host"), span_text("a"));
    ck_assert_int_eq(http1_writer_end(&writer), 0);
    ck_assert_uint_eq(writer.n, sizeof(expected) - 1);
    ck_assert_mem_eq(out, expected, writer.n);
}
END_TEST

struct status_case {
    int status;
    const char *line; /* NULL: refused */
};

static const struct status_case statuses[] = {
    {100, "HTTP/1.1 100 Continue\r\n\r\n"},
    {206, "HTTP/1.1 206 Partial Content\r\n\r\n"},
    {404, "HTTP/1.1 404 Not Found\r\n\r\n"},
    {431, "HTTP/1.1 431 Request Header Fields Too Large\r\n\r\n"},
    {505, "HTTP/1.1 505 HTTP Version Not Supported\r\n\r\n"},
    {299, "HTTP/1.1 299 \r\n\r\n"}, /* RFC 9112, 4: the space stays */
    {99, NULL},
    {600, NULL},
    {-1, NULL},
};

START_TEST(rfc_9112_4_status_line)
{
    char out[64];
    struct http1_writer writer;
    http1_writer_init(&writer, out, sizeof(out));
    http1_writer_status(&writer, statuses[_i].status);
    int error = http1_writer_end(&writer);
    if (!statuses[_i].line) {
        ck_assert_int_eq(error, -EINVAL);
        return;
    }
    ck_assert_int_eq(error, 0);
    ck_assert_uint_eq(writer.n, strlen(statuses[_i].line));
    ck_assert_mem_eq(out, statuses[_i].line, writer.n);
}
END_TEST

static const char *const bad_names[] = {"", "A B", "A:", "A\r\nB", "A\n", "\xc3\xa9"};
static const char *const bad_values[] = {"a\r\nSet-Cookie: b", "a\nb",  "a\rb",
                                         "\r\n\r\n<html>",     "a\x7f", "a\x01"};
static const char *const bad_targets[] = {"", "/ HTTP/1.1\r\nA: b", "/a b", "/a\n", "/a#b", "/\xc3\xa9"};

static void begin(struct http1_writer *writer, char *out, size_t max) {
    http1_writer_init(writer, out, max);
    http1_writer_status(writer, 200);
}

START_TEST(a_name_cannot_split_a_response)
{
    char out[256];
    struct http1_writer writer;
    begin(&writer, out, sizeof(out));
    http1_writer_field(&writer, span_text(bad_names[_i]), span_text("x"));
    http1_writer_field(&writer, span_text("B"), span_text("good again"));
    ck_assert_int_eq(http1_writer_end(&writer), -EINVAL);
}
END_TEST

START_TEST(a_value_cannot_split_a_response)
{
    char out[256];
    struct http1_writer writer;
    begin(&writer, out, sizeof(out));
    http1_writer_field(&writer, span_text("A"), span_text(bad_values[_i]));
    ck_assert_int_eq(http1_writer_end(&writer), -EINVAL);
}
END_TEST

START_TEST(the_names_of_errors_are_words)
{
    char name[HTTP1_NAME_MAX];
    for (int status = 400; status < 600; status++) {
        http1_error_name(status, name);
        ck_assert_uint_gt(strlen(name), 0);
        ck_assert_uint_eq(strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_"), strlen(name));
    }
    http1_error_name(431, name);
    ck_assert_str_eq(name, "REQUEST_HEADER_FIELDS_TOO_LARGE");
    http1_error_name(499, name);
    ck_assert_str_eq(name, "ERROR");
}
END_TEST

START_TEST(a_target_cannot_split_a_request)
{
    char out[256];
    struct http1_writer writer;
    http1_writer_init(&writer, out, sizeof(out));
    http1_writer_request(&writer, span_text("GET"), span_text(bad_targets[_i]));
    ck_assert_int_eq(http1_writer_end(&writer), -EINVAL);
}
END_TEST

START_TEST(a_NUL_in_a_value_is_refused)
{
    char out[256];
    struct http1_writer writer;
    begin(&writer, out, sizeof(out));
    http1_writer_field(&writer, span_text("A"), span_of("a\0b", 3));
    ck_assert_int_eq(http1_writer_end(&writer), -EINVAL);
}
END_TEST

START_TEST(the_first_error_stays)
{
    char out[32];
    struct http1_writer writer;
    begin(&writer, out, sizeof(out));
    http1_writer_field(&writer, span_text("A"), span_text("\n"));
    http1_writer_field(&writer, span_text("B"), span_text("far too long for what room there is"));
    ck_assert_int_eq(http1_writer_end(&writer), -EINVAL);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("http1_writer");
    TCase *tests = tcase_create("http1_writer");
    tcase_add_test(tests, a_response_byte_for_byte);
    tcase_add_test(tests, room_is_enough_or_the_error_stays);
    tcase_add_test(tests, a_request_byte_for_byte);
    tcase_add_loop_test(tests, rfc_9112_4_status_line, 0, (int)(sizeof(statuses) / sizeof(statuses[0])));
    tcase_add_loop_test(tests, a_name_cannot_split_a_response, 0,
                        (int)(sizeof(bad_names) / sizeof(bad_names[0])));
    tcase_add_loop_test(tests, a_value_cannot_split_a_response, 0,
                        (int)(sizeof(bad_values) / sizeof(bad_values[0])));
    tcase_add_loop_test(tests, a_target_cannot_split_a_request, 0,
                        (int)(sizeof(bad_targets) / sizeof(bad_targets[0])));
    tcase_add_test(tests, the_names_of_errors_are_words);
    tcase_add_test(tests, a_NUL_in_a_value_is_refused);
    tcase_add_test(tests, the_first_error_stays);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
