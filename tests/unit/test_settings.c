#include "reactor/settings.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct reactor_settings resolved(long connections, long open_files, long nofile, long fixed) {
    struct reactor_settings settings = {.connections = connections, .open_files = open_files};
    char why[200] = "";
    int error = reactor_resolve(&settings, nofile, fixed, why, sizeof why);
    ck_assert_msg(error == 0, "refused: %s", why);
    return settings;
}

START_TEST(automatic_values_use_the_whole_limit)
{
    struct reactor_settings settings = resolved(0, 0, 20000, 70);
    ck_assert_int_eq(settings.open_files, 2500);
    ck_assert_int_eq(settings.connections, 20000 - 2500 - 70 - 32);
    ck_assert_int_eq(settings.fds_in_flight, 5000);
    ck_assert_int_eq(settings.fds_per_uid, 2500);
}
END_TEST

START_TEST(few_descriptors_still_leave_256_files)
{
    struct reactor_settings settings = resolved(0, 0, 1024, 70);
    ck_assert_int_eq(settings.open_files, 256);
    ck_assert_int_eq(settings.connections, 1024 - 256 - 70 - 32);
}
END_TEST

START_TEST(automatic_values_shrink_instead_of_being_refused)
{
    struct reactor_settings settings = resolved(0, 0, 202, 70);
    ck_assert_int_eq(settings.open_files, 50);
    ck_assert_int_eq(settings.connections, 50);
    settings = resolved(90, 0, 202, 70);
    ck_assert_int_eq(settings.open_files, 10);
}
END_TEST

START_TEST(huge_limits_stay_in_range)
{
    struct reactor_settings settings = resolved(0, 0, 1073741816, 70);
    ck_assert_int_eq(settings.connections, 1000000);
}
END_TEST

START_TEST(explicit_values_are_kept_to_the_last_descriptor)
{
    struct reactor_settings settings = resolved(800, 98, 1000, 70);
    ck_assert_int_eq(settings.connections, 800);
    ck_assert_int_eq(settings.open_files, 98);
}
END_TEST

START_TEST(one_descriptor_too_many_is_refused)
{
    struct reactor_settings settings = {.connections = 800, .open_files = 99};
    char why[200];
    ck_assert_int_eq(reactor_resolve(&settings, 1000, 70, why, sizeof why), -EMFILE);
}
END_TEST

START_TEST(refusal_shows_the_arithmetic)
{
    struct reactor_settings settings = {.connections = 30000};
    char why[200];
    settings.open_files = 2500;
    ck_assert_int_eq(reactor_resolve(&settings, 20000, 70, why, sizeof why), -EMFILE);
    ck_assert_str_eq(
        why, "connections 30000 + open_files 2500 + caches, pipes, listeners, upstreams 70 + reserve 32 "
             "= 32602 exceed RLIMIT_NOFILE 20000");
}
END_TEST

START_TEST(hopeless_limit_is_refused)
{
    struct reactor_settings settings = {0};
    char why[200];
    ck_assert_int_eq(reactor_resolve(&settings, 64, 70, why, sizeof why), -EMFILE);
}
END_TEST

START_TEST(explicit_flight_limits_are_kept)
{
    struct reactor_settings settings = {.fds_in_flight = 100};
    char why[200];
    ck_assert_int_eq(reactor_resolve(&settings, 20000, 70, why, sizeof why), 0);
    ck_assert_int_eq(settings.fds_in_flight, 100);
    ck_assert_int_eq(settings.fds_per_uid, 50);
}
END_TEST

/* Names are unique over a table: the command line and the file find a row by its name alone. */
static void check_names(const struct settings_table *table) {
    for (size_t i = 0; i < table->count; i++) {
        ck_assert_msg(table->rows[i].help[0], "%s has no help", table->rows[i].name);
        for (size_t k = 0; k < i; k++)
            ck_assert_str_ne(table->rows[i].name, table->rows[k].name);
    }
}

START_TEST(tables_have_unique_names_and_help)
{
    check_names(&reactor_settings_table);
    check_names(&listen_settings_table);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("settings");
    TCase *resolve = tcase_create("resolve");
    tcase_add_test(resolve, automatic_values_use_the_whole_limit);
    tcase_add_test(resolve, few_descriptors_still_leave_256_files);
    tcase_add_test(resolve, automatic_values_shrink_instead_of_being_refused);
    tcase_add_test(resolve, huge_limits_stay_in_range);
    tcase_add_test(resolve, explicit_values_are_kept_to_the_last_descriptor);
    tcase_add_test(resolve, one_descriptor_too_many_is_refused);
    tcase_add_test(resolve, refusal_shows_the_arithmetic);
    tcase_add_test(resolve, hopeless_limit_is_refused);
    tcase_add_test(resolve, explicit_flight_limits_are_kept);
    tcase_add_test(resolve, tables_have_unique_names_and_help);
    suite_add_tcase(suite, resolve);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
