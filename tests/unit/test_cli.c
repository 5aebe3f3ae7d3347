/* The parts of the command-line client that need no server: numbers, tables, output files. */
#include "tools/sluice/call.h"
#include "tools/sluice/command.h"
#include "tools/sluice/output.h"
#include "tools/sluice/table.h"
#include "tools/sluice/units.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[64];

static void make_directory(void) {
    strcpy(directory, "/tmp/sluice-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    ck_assert_int_eq(chdir(directory), 0);
}

static void remove_directory(void) {
    DIR *dir = opendir(".");
    for (struct dirent *entry; (entry = readdir(dir));)
        unlink(entry->d_name);
    closedir(dir);
    ck_assert_int_eq(chdir("/"), 0);
    ck_assert_int_eq(rmdir(directory), 0);
}

static unsigned files_here(void) {
    unsigned n = 0;
    DIR *dir = opendir(".");
    while (readdir(dir))
        n++;
    closedir(dir);
    return n - 2; /* . and .. */
}

static void check_file(const char *name, const char *content) {
    char bytes[64] = "";
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(read(fd, bytes, sizeof(bytes) - 1), (ssize_t)strlen(content));
    ck_assert_str_eq(bytes, content);
    close(fd);
}

static void write_file(const char *name, const char *content) {
    int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
    ck_assert_int_eq(write(fd, content, strlen(content)), (ssize_t)strlen(content));
    close(fd);
}

START_TEST(a_file_has_its_name_only_when_it_is_whole)
{
    struct output output;
    ck_assert_int_eq(output_open(&output, "new"), 0);
    ck_assert_int_eq(write(output.fd, "half", 4), 4);
    ck_assert_int_lt(access("new", F_OK), 0);
    ck_assert_int_eq(output_keep(&output), 0);
    check_file("new", "half");
    ck_assert_uint_eq(files_here(), 1);
}
END_TEST

START_TEST(a_dropped_file_leaves_the_old_one_as_it_was)
{
    struct output output;
    write_file("old", "content");
    ck_assert_int_eq(output_open(&output, "old"), 0);
    ck_assert_int_eq(write(output.fd, "half", 4), 4);
    output_drop(&output);
    check_file("old", "content");
    ck_assert_uint_eq(files_here(), 1);
}
END_TEST

START_TEST(a_replaced_file_keeps_its_mode_and_a_new_one_obeys_the_mask)
{
    struct output output;
    struct stat status;
    write_file("old", "content");
    chmod("old", 0604);
    ck_assert_int_eq(output_open(&output, "old"), 0);
    ck_assert_int_eq(output_keep(&output), 0);
    ck_assert_int_eq(stat("old", &status), 0);
    ck_assert_uint_eq(status.st_mode & 07777, 0604);
    umask(027);
    ck_assert_int_eq(output_open(&output, "new"), 0);
    ck_assert_int_eq(output_keep(&output), 0);
    ck_assert_int_eq(stat("new", &status), 0);
    ck_assert_uint_eq(status.st_mode & 07777, 0640);
    ck_assert_uint_eq(umask(022), 027);
}
END_TEST

START_TEST(a_link_stays_a_link_to_the_replaced_file)
{
    struct output output;
    struct stat status;
    write_file("target", "old");
    ck_assert_int_eq(symlink("target", "link"), 0);
    ck_assert_int_eq(output_open(&output, "link"), 0);
    ck_assert_int_eq(write(output.fd, "new", 3), 3);
    ck_assert_int_eq(output_keep(&output), 0);
    ck_assert_int_eq(lstat("link", &status), 0);
    ck_assert(S_ISLNK(status.st_mode));
    check_file("target", "new");
}
END_TEST

START_TEST(devices_are_written_in_place_and_standard_output_stays_open)
{
    struct output output;
    ck_assert_int_eq(output_open(&output, "/dev/null"), 0);
    ck_assert_int_eq(write(output.fd, "x", 1), 1);
    ck_assert_int_eq(output_keep(&output), 0);
    ck_assert_int_eq(output_open(&output, NULL), 0);
    ck_assert_int_eq(output.fd, STDOUT_FILENO);
    output_drop(&output);
    ck_assert_int_ge(fcntl(STDOUT_FILENO, F_GETFD), 0);
}
END_TEST

START_TEST(outputs_that_cannot_be_opened)
{
    struct output output;
    ck_assert_int_eq(output_open(&output, "missing/file"), -ENOENT);
    ck_assert_int_eq(output_open(&output, directory), -EISDIR);
    ck_assert_uint_eq(files_here(), 0);
}
END_TEST

START_TEST(numbers_of_bytes)
{
    static const struct {
        const char *text;
        uint64_t value;
    } good[] = {
        {"0", 0},        {"007", 7},         {"1K", 1024},       {"1k", 1024},
        {"3M", 3 << 20}, {"5G", 5ull << 30}, {"2T", 2ull << 40}, {"18446744073709551615", UINT64_MAX}};
    static const char *const bad[] = {"",    "K",  " 1",  "-1",  "+1",        "1x",
                                      "1KB", "1 ", "0x1", "1e3", "16777216T", "18446744073709551616"};
    uint64_t value;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        ck_assert_msg(call_bytes(good[i].text, &value), "%s", good[i].text);
        ck_assert_uint_eq(value, good[i].value);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_msg(!call_bytes(bad[i], &value), "%s", bad[i]);
}
END_TEST

static const char *bytes_text(double bytes) {
    static char text[UNITS_TEXT];
    units_bytes(text, bytes);
    return text;
}

static const char *grouped_text(int64_t number) {
    static char text[UNITS_TEXT];
    units_grouped(text, number);
    return text;
}

static const char *real_text(double number) {
    static char text[UNITS_TEXT];
    units_real(text, number);
    return text;
}

static const char *time_text(int64_t ns) {
    static char text[UNITS_TEXT];
    units_time(text, ns);
    return text;
}

START_TEST(numbers_for_people)
{
    ck_assert_str_eq(bytes_text(0), "0 B");
    ck_assert_str_eq(bytes_text(1023), "1023 B");
    ck_assert_str_eq(bytes_text(1536), "1.5 KiB");
    ck_assert_str_eq(bytes_text(5e9), "4.7 GiB");
    ck_assert_str_eq(bytes_text(18446744073709551615.0), "16.0 EiB");
    ck_assert_str_eq(grouped_text(0), "0");
    ck_assert_str_eq(grouped_text(999), "999");
    ck_assert_str_eq(grouped_text(1000), "1,000");
    ck_assert_str_eq(grouped_text(-1234567), "-1,234,567");
    ck_assert_str_eq(grouped_text(INT64_MIN), "-9,223,372,036,854,775,808");
    ck_assert_str_eq(real_text(0.0125), "0.013");
    ck_assert_str_eq(real_text(-2.5), "-2.500");
    ck_assert_str_eq(real_text(12345.6), "12,346");
    ck_assert_str_eq(real_text(1e30), "1e+30");
    ck_assert_str_eq(time_text(1700000000123456789), "2023-11-14T22:13:20.123456789Z");
    ck_assert_str_eq(time_text(INT64_MIN), "1677-09-21T00:12:43.145224192Z");
    ck_assert_str_eq(time_text(0), "1970-01-01T00:00:00.000000000Z");
    ck_assert_str_eq(time_text(-1), "1969-12-31T23:59:59.999999999Z");
}
END_TEST

/* What table_print prints for cells, two a row. */
static void check_table(const char *const *cells, size_t n, const char *expected) {
    struct table table;
    char printed[512] = "";
    table_init(&table, 2);
    for (size_t i = 0; i < n; i++)
        table_add(&table, cells[i]);
    int out = memfd_create("out", MFD_CLOEXEC), saved = dup(STDOUT_FILENO);
    fflush(stdout);
    dup2(out, STDOUT_FILENO);
    bool good = table_print(&table, "> ");
    fflush(stdout);
    dup2(saved, STDOUT_FILENO);
    close(saved);
    ck_assert(good);
    ck_assert_int_ge(pread(out, printed, sizeof(printed) - 1, 0), 0);
    ck_assert_str_eq(printed, expected);
    close(out);
}

START_TEST(tables_are_aligned)
{
    static const char *const numbers[] = {"name", "count", "a", "1", "bcdefg", "1,234,567"};
    static const char *const texts[] = {"k\xC3\xB6y", "x", "\x1b[2J", "long text"};
    check_table(numbers, 6, "> name        count\n> a               1\n> bcdefg  1,234,567\n");
    check_table(texts, 4, "> k\xC3\xB6y   x\n> ?[2J  long text\n"); /* no escapes reach the terminal */
    check_table(texts, 0, "");
}
END_TEST

START_TEST(commands_are_found_by_their_names)
{
    ck_assert_ptr_null(command_find("frobnicate"));
    ck_assert_ptr_null(command_find("ge"));
#define COMMAND(word, arguments, summary) ck_assert_str_eq(command_find(#word)->name, #word);
#include "tools/sluice/commands.def"
#undef COMMAND
}
END_TEST

int main(void) {
    Suite *suite = suite_create("cli");
    TCase *files = tcase_create("output"), *tests = tcase_create("texts");
    tcase_add_checked_fixture(files, make_directory, remove_directory);
    tcase_add_test(files, a_file_has_its_name_only_when_it_is_whole);
    tcase_add_test(files, a_dropped_file_leaves_the_old_one_as_it_was);
    tcase_add_test(files, a_replaced_file_keeps_its_mode_and_a_new_one_obeys_the_mask);
    tcase_add_test(files, a_link_stays_a_link_to_the_replaced_file);
    tcase_add_test(files, devices_are_written_in_place_and_standard_output_stays_open);
    tcase_add_test(files, outputs_that_cannot_be_opened);
    tcase_add_test(tests, numbers_of_bytes);
    tcase_add_test(tests, numbers_for_people);
    tcase_add_test(tests, tables_are_aligned);
    tcase_add_test(tests, commands_are_found_by_their_names);
    suite_add_tcase(suite, files);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
