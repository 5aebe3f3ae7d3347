/* The Range field (RFC 9110, 14). */
#include "proto/range.h"

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct range_case {
    const char *name, *value;
    uint64_t size;
    const char *expected; /* "whole", "none", or the ranges as offset+count */
};

static const struct range_case cases[] = {
    {"RFC 9110 14.1.2 the first 500 bytes", "bytes=0-499", 10000, "0+500"},
    {"RFC 9110 14.1.2 the second 500 bytes", "bytes=500-999", 10000, "500+500"},
    {"RFC 9110 14.1.2 the last 500 bytes", "bytes=-500", 10000, "9500+500"},
    {"RFC 9110 14.1.2 from an offset on", "bytes=9500-", 10000, "9500+500"},
    {"RFC 9110 14.1.2 one byte", "bytes=0-0", 10000, "0+1"},
    {"RFC 9110 14.1.2 the last byte", "bytes=9999-", 10000, "9999+1"},
    {"RFC 9110 14.1.2 everything", "bytes=0-", 10000, "0+10000"},
    {"RFC 9110 14.1.2 an end past the end", "bytes=9990-20000", 10000, "9990+10"},
    {"RFC 9110 14.1.2 an end that overflows", "bytes=9990-99999999999999999999999", 10000, "9990+10"},
    {"RFC 9110 14.1.2 a suffix longer than the object", "bytes=-20000", 10000, "0+10000"},
    {"RFC 9110 14.1.2 a suffix that overflows", "bytes=-99999999999999999999999", 10000, "0+10000"},
    {"RFC 9110 14.1.2 the largest object", "bytes=18446744073709551614-", UINT64_MAX,
     "18446744073709551614+1"},
    {"RFC 9110 14.1.2 two ranges", "bytes=0-0,-1", 10000, "0+1 9999+1"},
    {"RFC 9110 14.1.2 in the order asked", "bytes=500-999, 0-499", 10000, "500+500 0+500"},
    {"RFC 9110 5.6.1 white space and empty members", "bytes= 0-0 ,, \t1-1,", 10000, "0+1 1+1"},
    {"RFC 9110 14.1 units are case-insensitive", "BYTES=0-0", 10000, "0+1"},
    {"RFC 9110 14.1.2 leading zeros", "bytes=000-0001", 10000, "0+2"},
    {"RFC 9110 14.1.2 members past the end are left out", "bytes=10000-,5-5,20000-20001", 10000, "5+1"},
    {"RFC 9110 15.5.17 past the end", "bytes=10000-", 10000, "none"},
    {"RFC 9110 15.5.17 far past the end", "bytes=99999999999999999999999-", 10000, "none"},
    {"RFC 9110 15.5.17 all past the end", "bytes=10000-10001,20000-", 10000, "none"},
    {"RFC 9110 15.5.17 a suffix of no byte", "bytes=-0", 10000, "none"},
    {"RFC 9110 15.5.17 of an empty object", "bytes=0-", 0, "none"},
    {"RFC 9110 14.1.2 the end of an empty object", "bytes=-5", 0, "whole"},
    {"RFC 9110 15.5.17 no byte of an empty object", "bytes=-0", 0, "none"},
    {"RFC 9110 14.2 another unit", "lines=0-1", 10000, "whole"},
    {"RFC 9110 14.2 a unit that only starts so", "bytesx=0-1", 10000, "whole"},
    {"RFC 9110 14.1.1 the last before the first", "bytes=5-4", 10000, "whole"},
    {"RFC 9110 14.1.1 one malformed member", "bytes=0-1,5-4", 10000, "whole"},
    {"RFC 9110 14.1.1 no member", "bytes=", 10000, "whole"},
    {"RFC 9110 14.1.1 empty members only", "bytes=, ,", 10000, "whole"},
    {"RFC 9110 14.1.1 no dash", "bytes=5", 10000, "whole"},
    {"RFC 9110 14.1.1 a dash alone", "bytes=-", 10000, "whole"},
    {"RFC 9110 14.1.1 two dashes", "bytes=1-2-3", 10000, "whole"},
    {"RFC 9110 14.1.1 a negative suffix", "bytes=--5", 10000, "whole"},
    {"RFC 9110 14.1.1 letters", "bytes=a-b", 10000, "whole"},
    {"RFC 9110 14.1.1 white space in a range", "bytes=1 -2", 10000, "whole"},
    {"RFC 9110 14.1.1 white space before the =", "bytes =1-2", 10000, "whole"},
    {"RFC 9110 14.1.1 no unit", "0-1", 10000, "whole"},
    {"RFC 9110 14.1.1 nothing", "", 10000, "whole"},
    {"RFC 9110 14.2 as many as are taken", "bytes=0-0,2-2,4-4", 10000, "0+1 2+1 4+1"},
    {"RFC 9110 14.2 more than are taken", "bytes=0-0,2-2,4-4,6-6", 10000, "whole"},
    {"RFC 9110 14.2 together more than the object", "bytes=0-,0-0", 10000, "whole"},
    {"RFC 9110 14.2 together the object", "bytes=0-4999,5000-", 10000, "0+5000 5000+5000"},
};

START_TEST(case_by_its_section)
{
    const struct range_case *c = &cases[_i];
    struct range ranges[3];
    unsigned n;
    char got[128] = "";
    enum range_result result = range_decode(span_text(c->value), c->size, ranges, 3, &n);
    if (result != RANGE_PARTS)
        strcpy(got, result == RANGE_WHOLE ? "whole" : "none");
    for (unsigned i = 0; result == RANGE_PARTS && i < n; i++)
        snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%" PRIu64 "+%" PRIu64, i ? " " : "",
                 ranges[i].offset, ranges[i].count);
    ck_assert_msg(strcmp(got, c->expected) == 0, "%s: \"%s\"", c->name, got);
}
END_TEST

START_TEST(rfc_9110_14_4_content_range)
{
    char out[RANGE_TEXT];
    struct range range = {0, 500}, widest = {UINT64_MAX - 1, 1};
    ck_assert_uint_eq(range_print(&range, 1234, out), 16);
    ck_assert_str_eq(out, "bytes 0-499/1234");
    ck_assert_uint_eq(range_print(NULL, 1234, out), 12);
    ck_assert_str_eq(out, "bytes */1234");
    ck_assert_uint_eq(range_print(&widest, UINT64_MAX, out), strlen(out));
    ck_assert_str_eq(out, "bytes 18446744073709551614-18446744073709551614/18446744073709551615");
}
END_TEST

int main(void) {
    Suite *suite = suite_create("range");
    TCase *tests = tcase_create("range");
    tcase_add_loop_test(tests, case_by_its_section, 0, (int)(sizeof(cases) / sizeof(cases[0])));
    tcase_add_test(tests, rfc_9110_14_4_content_range);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
