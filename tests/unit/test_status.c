/* The table of outcomes against docs/protocol.md, and errno's way into it. */
#include "proto/status.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

START_TEST(table_has_the_documented_rows)
{
    static const struct {
        int number;
        const char *name;
        int http, rpc;
    } rows[] = {
        {0, "OK", 200, 0},
        {1, "NOT_FOUND", 404, -32010},
        {2, "DENIED", 403, -32011},
        {3, "BAD_REQUEST", 400, -32602},
        {4, "BAD_RANGE", 416, -32012},
        {5, "UNSUPPORTED", 501, -32601},
        {6, "NOT_REGULAR", 404, -32013},
        {7, "TOO_LARGE", 413, -32014},
        {8, "BUSY", 503, -32015},
        {9, "FD_LIMIT", 503, -32016},
        {10, "IO", 500, -32603},
        {11, "SHUTTING_DOWN", 503, -32017},
        {12, "TIMEOUT", 504, -32018},
        {13, "RATE_LIMITED", 429, -32019},
    };
    ck_assert_int_eq(STATUS_COUNT, sizeof(rows) / sizeof(rows[0]));
    for (unsigned i = 0; i < STATUS_COUNT; i++) {
        ck_assert_int_eq(rows[i].number, (int)i);
        ck_assert_str_eq(status_name(i), rows[i].name);
        ck_assert_int_eq(status_http(i), rows[i].http);
        ck_assert_int_eq(status_rpc(i), rows[i].rpc);
        ck_assert_int_gt((int)strlen(status_meaning(i)), 0);
    }
}
END_TEST

START_TEST(numbers_outside_the_table_have_a_face_too)
{
    static const unsigned numbers[] = {STATUS_COUNT, 255, ~0u};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        ck_assert_str_eq(status_name(numbers[i]), "UNKNOWN");
        ck_assert_str_eq(status_meaning(numbers[i]), "unknown status");
        ck_assert_int_eq(status_http(numbers[i]), 500);
        ck_assert_int_eq(status_rpc(numbers[i]), -32603);
    }
}
END_TEST

static const struct {
    int error;
    enum status status;
} errors[] = {
    {0, STATUS_OK},
    {EACCES, STATUS_DENIED},
    {EPERM, STATUS_DENIED},
    {ENOENT, STATUS_NOT_FOUND},
    {ENOTDIR, STATUS_NOT_FOUND},
    {ELOOP, STATUS_NOT_FOUND},
    {EXDEV, STATUS_NOT_FOUND},
    {ENAMETOOLONG, STATUS_NOT_FOUND},
    {ENXIO, STATUS_NOT_REGULAR},
    {EISDIR, STATUS_NOT_REGULAR},
    {ENODEV, STATUS_NOT_REGULAR},
    {EMFILE, STATUS_FD_LIMIT},
    {ENFILE, STATUS_FD_LIMIT},
    {ETOOMANYREFS, STATUS_FD_LIMIT},
    {EAGAIN, STATUS_BUSY},
    {EWOULDBLOCK, STATUS_BUSY},
    {ENOBUFS, STATUS_BUSY},
    {ENOMEM, STATUS_BUSY},
    {EBUSY, STATUS_BUSY},
    {ETIMEDOUT, STATUS_TIMEOUT},
    {EFBIG, STATUS_TOO_LARGE},
    {E2BIG, STATUS_TOO_LARGE},
    {EMSGSIZE, STATUS_TOO_LARGE},
    {EIO, STATUS_IO},
    {EINVAL, STATUS_IO},
    {ESTALE, STATUS_IO},
    {99999, STATUS_IO},
};

START_TEST(errno_becomes_a_status_whatever_its_sign)
{
    ck_assert_int_eq(status_of_errno(errors[_i].error), errors[_i].status);
    ck_assert_int_eq(status_of_errno(-errors[_i].error), errors[_i].status);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("status");
    TCase *tests = tcase_create("status");
    tcase_add_test(tests, table_has_the_documented_rows);
    tcase_add_test(tests, numbers_outside_the_table_have_a_face_too);
    tcase_add_loop_test(tests, errno_becomes_a_status_whatever_its_sign, 0,
                        sizeof(errors) / sizeof(errors[0]));
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
