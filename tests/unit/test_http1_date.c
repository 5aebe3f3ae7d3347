/* The three formats of RFC 9110, 5.6.7. */
#include "proto/http1_date.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { NOW = 1700000000 }; /* in 2023 */

struct date_case {
    const char *text;
    time_t when; /* -1: refused */
};

static const struct date_case dates[] = {
    {"Sun, 06 Nov 1994 08:49:37 GMT", 784111777},
    {"Sunday, 06-Nov-94 08:49:37 GMT", 784111777},
    {"Sun Nov  6 08:49:37 1994", 784111777},
    {"Sun Nov 06 08:49:37 1994", 784111777},
    {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
    {"Tue, 19 Jan 2038 03:14:08 GMT", 2147483648},
    {"Fri, 31 Dec 9999 23:59:59 GMT", 253402300799},
    {"Thu, 29 Feb 2024 12:00:00 GMT", 1709208000},
    {"Tue, 29 Feb 2000 00:00:00 GMT", 951782400},
    {"Sat, 31 Dec 2016 23:59:60 GMT", 1483228800},     /* a leap second is the next one */
    {"Mon, 06 Nov 1994 08:49:37 GMT", 784111777},      /* the weekday is not checked */
    {"Wednesday, 01-Jan-70 00:00:00 GMT", 3155760000}, /* 2070: not over 50 years ahead */
    {"Tuesday, 01-Jan-74 00:00:00 GMT", 126230400},    /* 2074 would be */
    {"Friday, 31-Dec-99 23:59:59 GMT", 946684799},
    {"Monday, 01-Jan-00 00:00:00 GMT", 946684800},
    {"", -1},
    {"Sun, 06 Nov 1994 08:49:37 GM", -1},
    {"Sun, 06 Nov 1994 08:49:37 GMT ", -1},
    {" Sun, 06 Nov 1994 08:49:37 GMT", -1},
    {"Sun, 06 Nov 1994 08:49:37 UTC", -1},
    {"Sun, 06 Nov 1994 08:49:37 gmt", -1},
    {"Sun, 06 Nov 1994 08:49:37 +0000", -1},
    {"Sun, 6 Nov 1994 08:49:37 GMT", -1},
    {"Sun,  6 Nov 1994 08:49:37 GMT", -1},
    {"Sxn, 06 Nov 1994 08:49:37 GMT", -1},
    {"sun, 06 Nov 1994 08:49:37 GMT", -1},
    {"Sun, 06 nov 1994 08:49:37 GMT", -1},
    {"Sun, 06 Nox 1994 08:49:37 GMT", -1},
    {"Sun, 06 anF 1994 08:49:37 GMT", -1},
    {"Sun, 00 Nov 1994 08:49:37 GMT", -1},
    {"Sun, 31 Nov 1994 08:49:37 GMT", -1},
    {"Sun, 29 Feb 1900 08:49:37 GMT", -1},
    {"Sun, 29 Feb 2023 08:49:37 GMT", -1},
    {"Sun, 06 Nov 1994 24:00:00 GMT", -1},
    {"Sun, 06 Nov 1994 08:60:37 GMT", -1},
    {"Sun, 06 Nov 1994 08:49:61 GMT", -1},
    {"Sun, 06 Nov 1994 08:49:-1 GMT", -1},
    {"Sun, 06 Nov 19x4 08:49:37 GMT", -1},
    {"Sun, 06-Nov-94 08:49:37 GMT", -1},
    {"Sunday, 06-Nov-1994 08:49:37 GMT", -1},
    {"Sonntag, 06-Nov-94 08:49:37 GMT", -1},
    {"Sunday, xx-Nov-94 08:49:37 GMT", -1},
    {"Sun Nov  6 08:49:37 94", -1},
    {"Sun Nov    08:49:37 1994", -1},
    {"Sxn Nov  6 08:49:37 1994", -1},
    {"784111777", -1},
    {",", -1},
};

START_TEST(a_date_is_read)
{
    const struct date_case *c = &dates[_i];
    time_t when = -7;
    int error = http1_date_parse(span_text(c->text), NOW, &when);
    ck_assert_msg(error == (c->when < 0 ? -EINVAL : 0), "\"%s\": %d", c->text, error);
    ck_assert_msg(when == (c->when < 0 ? -7 : c->when), "\"%s\": %lld", c->text, (long long)when);
}
END_TEST

START_TEST(a_date_is_written)
{
    char out[HTTP1_DATE_SIZE];
    http1_date(784111777, out);
    ck_assert_str_eq(out, "Sun, 06 Nov 1994 08:49:37 GMT");
    http1_date(0, out);
    ck_assert_str_eq(out, "Thu, 01 Jan 1970 00:00:00 GMT");
    http1_date(-5, out);
    ck_assert_str_eq(out, "Thu, 01 Jan 1970 00:00:00 GMT");
    http1_date(253402300800, out);
    ck_assert_str_eq(out, "Fri, 31 Dec 9999 23:59:59 GMT");
}
END_TEST

START_TEST(what_is_written_is_read)
{
    for (time_t when = 0; when < 253402300800; when += 86400LL * 97 + 3671) {
        char out[HTTP1_DATE_SIZE];
        time_t read;
        http1_date(when, out);
        ck_assert_int_eq(http1_date_parse(span_text(out), NOW, &read), 0);
        ck_assert_msg(read == when, "%s: %lld instead of %lld", out, (long long)read, (long long)when);
    }
}
END_TEST

START_TEST(every_day_is_written_as_the_library_would)
{
    for (time_t when = 7261; when < 253402300800; when += 86400 * (when < 20000000000 ? 1 : 89)) {
        static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                             "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
        static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
        char out[HTTP1_DATE_SIZE], wanted[64];
        struct tm tm;
        gmtime_r(&when, &tm);
        snprintf(wanted, sizeof(wanted), "%s, %02d %s %04d 02:01:01 GMT", days[tm.tm_wday], tm.tm_mday,
                 months[tm.tm_mon], tm.tm_year + 1900);
        http1_date(when, out);
        ck_assert_str_eq(out, wanted);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("http1_date");
    TCase *tests = tcase_create("http1_date");
    tcase_add_loop_test(tests, a_date_is_read, 0, (int)(sizeof(dates) / sizeof(dates[0])));
    tcase_add_test(tests, a_date_is_written);
    tcase_add_test(tests, what_is_written_is_read);
    tcase_add_test(tests, every_day_is_written_as_the_library_would);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
