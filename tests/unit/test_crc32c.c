/* CRC-32C against the examples of RFC 3720, B.4, and its two ways against each other: a log may change its host. */
#include "proto/crc32c.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

START_TEST(examples)
{
    char bytes[32];
    ck_assert_uint_eq(crc32c(0, "", 0), 0);
    ck_assert_uint_eq(crc32c(0, "123456789", 9), 0xe3069283);
    memset(bytes, 0, sizeof(bytes));
    ck_assert_uint_eq(crc32c(0, bytes, sizeof(bytes)), 0x8a9136aa);
    memset(bytes, 0xff, sizeof(bytes));
    ck_assert_uint_eq(crc32c(0, bytes, sizeof(bytes)), 0x62a8ab43);
    for (char i = 0; i < 32; i++)
        bytes[(int)i] = i;
    ck_assert_uint_eq(crc32c(0, bytes, sizeof(bytes)), 0x46dd794e);
}
END_TEST

START_TEST(any_processor_any_length_any_cut)
{
    unsigned char bytes[70];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)(i * 151 + 7);
    for (size_t n = 0; n <= sizeof(bytes); n++) {
        uint32_t whole = crc32c(0, bytes, n);
        ck_assert_uint_eq(crc32c_portable(0, bytes, n), whole);
        for (size_t cut = 0; cut <= n; cut++) {
            ck_assert_uint_eq(crc32c(crc32c(0, bytes, cut), bytes + cut, n - cut), whole);
            ck_assert_uint_eq(crc32c_portable(crc32c(0, bytes, cut), bytes + cut, n - cut), whole);
        }
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("crc32c");
    TCase *tests = tcase_create("crc32c");
    tcase_add_test(tests, examples);
    tcase_add_test(tests, any_processor_any_length_any_cut);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
