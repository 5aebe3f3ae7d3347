#include "tools/sluiced/options.h"

#include "handlers/objects/objects.h"
#include "offload/offload.h"
#include "reactor/settings.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct sample {
    bool flag;
    long number;
    uint64_t size;
    double seconds;
    int choice;
    char *text, *list, *offer, *lines;
    int admin;
    double age;
};

static const struct setting rows[] = {
    {"flag", SETTING_FLAG, offsetof(struct sample, flag), "yes", "", "help"},
    {"some_number", SETTING_NUMBER, offsetof(struct sample, number), "7", "3..256", "help"},
    {"size", SETTING_SIZE, offsetof(struct sample, size), "16k", "1k..4m", "help"},
    {"seconds", SETTING_SECONDS, offsetof(struct sample, seconds), "0.2", "", "help"},
    {"choice", SETTING_CHOICE, offsetof(struct sample, choice), "auto", "auto|off|require", "help"},
    {"text", SETTING_TEXT, offsetof(struct sample, text), "", "", "help"},
    {"list", SETTING_LIST, offsetof(struct sample, list), "", "", "help"},
    {"offer", SETTING_LIST, offsetof(struct sample, offer), "", "slc,http", "help"},
    {"lines", SETTING_LINES, offsetof(struct sample, lines), "", "", "help"},
    {"admin", SETTING_CHOICE, offsetof(struct sample, admin), "auto", "auto|yes|no", "help"},
    {"age", SETTING_SECONDS, offsetof(struct sample, age), "0.5", "0..1", "help"},
};

static const struct settings_table table = {"sample", rows, sizeof rows / sizeof *rows};
static struct sample sample;
static char why[OPTION_WHY];

static void setup(void) {
    memset(&sample, 0, sizeof sample);
    why[0] = 0;
    ck_assert_int_eq(option_defaults(&table, &sample), 0);
}

static void teardown(void) {
    option_release(&table, &sample);
    ck_assert_ptr_null(sample.text);
}

static int set(const char *name, const char *text) {
    return option_set(option_find(&table, name), &sample, text, why, sizeof why);
}

static void is_set(const char *name, const char *text) {
    int error = set(name, text);
    ck_assert_msg(error == 0, "%s = %s: %s", name, text, why);
}

static void is_refused(const char *name, const char *text, const char *reason) {
    ck_assert_msg(set(name, text) == -EINVAL, "%s = %s was taken", name, text);
    ck_assert_str_eq(why, reason);
}

static void prints_as(const char *name, const char *text, const char *expected) {
    is_set(name, text);
    char *printed = option_text(option_find(&table, name), &sample);
    ck_assert_str_eq(printed, expected);
    free(printed);
}

START_TEST(defaults_are_filled_in)
{
    ck_assert(sample.flag);
    ck_assert_int_eq(sample.number, 7);
    ck_assert_uint_eq(sample.size, 16384);
    ck_assert_double_eq(sample.seconds, 0.2);
    ck_assert_int_eq(sample.choice, 0);
    ck_assert_str_eq(sample.text, "");
    ck_assert_str_eq(sample.list, "");
}
END_TEST

START_TEST(names_are_found_with_dashes_and_underscores)
{
    ck_assert_ptr_eq(option_find(&table, "some_number"), &rows[1]);
    ck_assert_ptr_eq(option_find(&table, "some-number"), &rows[1]);
    ck_assert_ptr_null(option_find(&table, "some number"));
    ck_assert_ptr_null(option_find(&table, "some"));
    ck_assert_ptr_null(option_find(&table, "some_numbers"));
    ck_assert_ptr_null(option_find(&table, ""));
}
END_TEST

START_TEST(flags_know_three_pairs_of_words)
{
    static const char *const words[] = {"no", "yes", "off", "on", "FALSE", "True"};
    for (int i = 0; i < 6; i++) {
        sample.flag = !(i % 2);
        is_set("flag", words[i]);
        ck_assert_int_eq(sample.flag, i % 2);
    }
    is_refused("flag", "1", "'1' is neither yes nor no");
    is_refused("flag", "", "'' is neither yes nor no");
}
END_TEST

START_TEST(numbers_stay_in_their_range)
{
    is_set("some_number", "3");
    is_set("some_number", "256");
    ck_assert_int_eq(sample.number, 256);
    is_refused("some_number", "2", "2 is out of range 3..256");
    is_refused("some_number", "257", "257 is out of range 3..256");
    ck_assert_int_eq(sample.number, 256);
}
END_TEST

START_TEST(numbers_are_digits_only)
{
    static const char *const bad[] = {"", " 4", "4 ", "+4", "-4", "0x10", "4.0", "4k", "four"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(set("some_number", bad[i]) == -EINVAL, "'%s' was taken", bad[i]);
    is_refused("some_number", "4k", "'4k' is not a whole number, like 16");
    is_refused("some_number", "18446744073709551620",
               "'18446744073709551620' is not a whole number, like 16");
}
END_TEST

START_TEST(sizes_have_suffixes)
{
    is_set("size", "1024");
    ck_assert_uint_eq(sample.size, 1024);
    is_set("size", "64K");
    ck_assert_uint_eq(sample.size, 65536);
    is_set("size", "4m");
    ck_assert_uint_eq(sample.size, 4 << 20);
    is_refused("size", "4097k", "4097k is out of range 1k..4m");
    is_refused("size", "1g", "1g is out of range 1k..4m");
    is_refused("size", "1023", "1023 is out of range 1k..4m");
    is_refused("size", "k", "'k' is not a size, like 16384, 16k, 64m or 1g");
    is_refused("size", "1t", "'1t' is not a size, like 16384, 16k, 64m or 1g");
    is_refused("size", "17179869185g", "'17179869185g' is not a size, like 16384, 16k, 64m or 1g");
}
END_TEST

START_TEST(seconds_have_fractions)
{
    is_set("seconds", "10");
    ck_assert_double_eq(sample.seconds, 10);
    is_set("seconds", ".25");
    ck_assert_double_eq(sample.seconds, .25);
    is_set("seconds", "0");
    ck_assert_double_eq(sample.seconds, 0);
    static const char *const bad[] = {"", ".", "-1", "1s", "1e3", "inf", "nan", "0x1", "1.2.3"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(set("seconds", bad[i]) == -EINVAL, "'%s' was taken", bad[i]);
    is_refused("seconds", "1s", "'1s' is not a number of seconds, like 10 or 0.2");
    is_refused("seconds", "9999999999", "9999999999 seconds are too many");
    is_refused("age", "1.5", "1.5 is out of range 0..1");
    is_set("age", "1");
}
END_TEST

START_TEST(choices_are_whole_words)
{
    is_set("choice", "require");
    ck_assert_int_eq(sample.choice, 2);
    is_refused("choice", "maybe", "'maybe' is not one of: auto off require");
    is_refused("choice", "req", "'req' is not one of: auto off require");
    is_refused("choice", "auto|off", "'auto|off' is not one of: auto off require");
    is_refused("choice", "no", "'no' is not one of: auto off require");
}
END_TEST

START_TEST(choices_of_yes_and_no_take_true_and_false)
{
    is_set("admin", "true");
    ck_assert_int_eq(sample.admin, 1);
    is_set("admin", "false");
    ck_assert_int_eq(sample.admin, 2);
}
END_TEST

START_TEST(lists_are_tidied)
{
    is_set("list", " a , b c,d ");
    ck_assert_str_eq(sample.list, "a,b c,d");
    is_set("list", "");
    ck_assert_str_eq(sample.list, "");
    is_refused("list", "a,,b", "'a,,b' has an empty word");
    is_refused("list", "a,", "'a,' has an empty word");
    is_refused("list", ",", "',' has an empty word");
    ck_assert_str_eq(sample.list, "");
}
END_TEST

START_TEST(lists_of_words_on_offer_take_no_other)
{
    is_set("offer", "http,slc");
    is_set("offer", "");
    for (const char **word = (const char *[]){"gopher", "htt", "https", "slc,http;", NULL}; *word; word++)
        ck_assert_int_eq(set("offer", *word), -EINVAL);
    is_refused("offer", "slc, gopher", "'gopher' is not one of: slc,http");
}
END_TEST

START_TEST(words_are_appended_to_lists)
{
    const struct setting *row = option_find(&table, "list");
    ck_assert_int_eq(option_append(row, &sample, "a", why, sizeof why), 0);
    ck_assert_int_eq(option_append(row, &sample, "b", why, sizeof why), 0);
    ck_assert_str_eq(sample.list, "a,b");
    ck_assert_int_eq(option_append(row, &sample, "", why, sizeof why), -EINVAL);
    ck_assert_str_eq(sample.list, "a,b");
}
END_TEST

START_TEST(words_of_lines_may_hold_commas)
{
    const struct setting *row = option_find(&table, "lines");
    ck_assert_int_eq(option_append(row, &sample, "a, b", why, sizeof why), 0);
    ck_assert_int_eq(option_append(row, &sample, "c", why, sizeof why), 0);
    ck_assert_str_eq(sample.lines, "a, b\nc");
    ck_assert_int_eq(option_append(row, &sample, "", why, sizeof why), -EINVAL);
    prints_as("lines", "a, b\nc", "a, b\nc");
}
END_TEST

START_TEST(values_print_as_they_are_read)
{
    prints_as("flag", "off", "no");
    prints_as("some_number", "007", "7");
    prints_as("size", "2048k", "2m");
    prints_as("size", "1536", "1536");
    prints_as("seconds", "0.200", "0.2");
    prints_as("seconds", "60", "60");
    prints_as("seconds", "0.000001", "0.000001");
    prints_as("choice", "off", "off");
    prints_as("text", "any text, \"even\" this", "any text, \"even\" this");
    prints_as("list", "a, b", "a,b");
}
END_TEST

/* Every default of every table is a value that its own row prints and reads again. */
static void check_round_trip(const struct settings_table *real, size_t size) {
    void *base = calloc(1, size);
    ck_assert_int_eq(option_defaults(real, base), 0);
    for (size_t i = 0; i < real->count; i++) {
        char *text = option_text(&real->rows[i], base);
        int error = option_set(&real->rows[i], base, text, why, sizeof why);
        ck_assert_msg(error == 0, "%s = %s: %s", real->rows[i].name, text, why);
        ck_assert_msg(strcmp(text, real->rows[i].initial) == 0, "%s = %s, not as declared: %s",
                      real->rows[i].name, text, real->rows[i].initial);
        free(text);
    }
    option_release(real, base);
    free(base);
}

START_TEST(defaults_of_all_floors_are_in_their_ranges)
{
    check_round_trip(&offload_settings_table, sizeof(struct offload_settings));
    check_round_trip(&reactor_settings_table, sizeof(struct reactor_settings));
    check_round_trip(&objects_settings_table, sizeof(struct objects_settings));
    check_round_trip(&listen_settings_table, sizeof(struct listen_settings));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("options");
    TCase *values = tcase_create("values");
    tcase_add_checked_fixture(values, setup, teardown);
    tcase_add_test(values, defaults_are_filled_in);
    tcase_add_test(values, names_are_found_with_dashes_and_underscores);
    tcase_add_test(values, flags_know_three_pairs_of_words);
    tcase_add_test(values, numbers_stay_in_their_range);
    tcase_add_test(values, numbers_are_digits_only);
    tcase_add_test(values, sizes_have_suffixes);
    tcase_add_test(values, seconds_have_fractions);
    tcase_add_test(values, choices_are_whole_words);
    tcase_add_test(values, choices_of_yes_and_no_take_true_and_false);
    tcase_add_test(values, lists_are_tidied);
    tcase_add_test(values, lists_of_words_on_offer_take_no_other);
    tcase_add_test(values, words_are_appended_to_lists);
    tcase_add_test(values, words_of_lines_may_hold_commas);
    tcase_add_test(values, values_print_as_they_are_read);
    tcase_add_test(values, defaults_of_all_floors_are_in_their_ranges);
    suite_add_tcase(suite, values);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
