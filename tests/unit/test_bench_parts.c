/* The load generator's small parts: command line, keys, what was delivered, closing descriptors, /proc. */
#include "tools/bench/arguments.h"
#include "tools/bench/fdbin.h"
#include "tools/bench/inspect.h"
#include "tools/bench/keys.h"
#include "tools/bench/procstat.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- the command line ---------------------------------------------------------------------------- */

static struct bench_settings settings;

/* Reads a command line of words split at spaces; messages go to text (256 bytes). */
static enum arguments_result read_line(const char *line, char *text) {
    char *argv[32] = {(char *)"sluice-bench"}, *copy = strdup(line), *rest = copy;
    int argc = 1;
    FILE *messages = fmemopen(text, 256, "w");
    for (char *word; (word = strsep(&rest, " "));)
        if (*word)
            argv[argc++] = word;
    enum arguments_result result = bench_arguments(&settings, argc, argv, messages, messages);
    fclose(messages);
    free(copy);
    return result;
}

static void release(void) {
    bench_settings_free(&settings);
}

START_TEST(options_have_short_and_long_forms)
{
    char text[256] = "";
    ck_assert_int_eq(read_line("-s unix:/a -s unix:/b -c100 -t 2 --duration=1.5 --mode copy --shared "
                               "--touch --requests-per-conn 3",
                               text),
                     ARGUMENTS_LOAD);
    ck_assert_str_eq(settings.server, "unix:/a,unix:/b");
    ck_assert_int_eq(settings.conns, 100);
    ck_assert_int_eq(settings.threads, 2);
    ck_assert_double_eq(settings.duration, 1.5);
    ck_assert_int_eq(settings.mode, MODE_COPY);
    ck_assert_int_eq(settings.touch, TOUCH_FIRST);
    ck_assert_int_eq(settings.requests_per_conn, 3);
    ck_assert(settings.shared && !settings.verify);
    release();
    ck_assert_int_eq(read_line("-s unix:/a --touch all --mode copy", text), ARGUMENTS_LOAD);
    ck_assert_int_eq(settings.touch, TOUCH_ALL);
}
END_TEST

START_TEST(a_load_ends_after_ten_seconds_unless_told)
{
    char text[256] = "";
    ck_assert_int_eq(read_line("-s unix:/a", text), ARGUMENTS_LOAD);
    ck_assert_double_eq(settings.duration, 10);
    release();
    ck_assert_int_eq(read_line("-s unix:/a --requests 5", text), ARGUMENTS_LOAD);
    ck_assert_double_eq(settings.duration, 0);
}
END_TEST

START_TEST(wrong_options_are_refused_by_name)
{
    static const struct {
        const char *line, *named;
    } wrong[] = {
        {"", "-s"},
        {"-s unix:/a --nonsense", "--nonsense"},
        {"-s unix:/a --mode fast", "--mode"},
        {"-s unix:/a -c 0", "--conns"},
        {"-s unix:/a -c", "--conns"},
        {"-s unix:/a -x", "-x"},
        {"-s unix:/a stray", "stray"},
        {"-s unix:/a -c 2 -t 3", "-t"},
        {"-s unix:/a -H noline", "-H"},
        {"-s unix:/a --fd-ratio 1.5", "--fd-ratio"},
        {"-s unix:/a --fd-ratio most", "is not a share"},
        {"-s unix:/a --mode ping --verify", "--verify"},
        {"-s unix:/a --mode rpc --touch", "--touch"},
    };
    for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        char text[256] = "";
        ck_assert_msg(read_line(wrong[i].line, text) == ARGUMENTS_WRONG, "%s", wrong[i].line);
        ck_assert_msg(strstr(text, wrong[i].named) != NULL, "%s: %s", wrong[i].line, text);
        release();
    }
}
END_TEST

START_TEST(headers_are_lines_with_their_ends)
{
    char *argv[] = {(char *)"b", (char *)"-sunix:/a", (char *)"-H", (char *)"A: 1", (char *)"-HB: 2", NULL};
    ck_assert_int_eq(bench_arguments(&settings, 5, argv, stdout, stderr), ARGUMENTS_LOAD);
    ck_assert_str_eq(settings.headers, "A: 1\r\nB: 2\r\n");
}
END_TEST

/* ---- keys ---------------------------------------------------------------------------------------- */

START_TEST(keys_take_turns)
{
    char text[256] = "", why[256];
    struct keys keys;
    struct picker picker;
    ck_assert_int_eq(read_line("-s unix:/a --key one,two --key three", text), ARGUMENTS_LOAD);
    ck_assert_int_eq(keys_load(&keys, &settings, why, sizeof(why)), 0);
    ck_assert_uint_eq(keys.count, 3);
    ck_assert(span_equal(keys.list[2], span_text("three")));
    picker_init(&picker, &keys, 0);
    for (uint32_t i = 0; i < 7; i++)
        ck_assert_uint_eq(picker_next(&picker), i % 3);
    keys_free(&keys);
}
END_TEST

START_TEST(keys_come_from_a_file)
{
    char text[256] = "", why[256], path[] = "/tmp/sluice-keys-XXXXXX", line[300];
    struct keys keys;
    int fd = mkstemp(path);
    ck_assert_int_eq(write(fd, "a/b\r\n\nwith space\nlast", 21), 21);
    close(fd);
    snprintf(line, sizeof(line), "-s unix:/a --keys %s", path);
    ck_assert_int_eq(read_line(line, text), ARGUMENTS_LOAD);
    ck_assert_int_eq(keys_load(&keys, &settings, why, sizeof(why)), 0);
    ck_assert_uint_eq(keys.count, 3);
    ck_assert(span_equal(keys.list[0], span_text("a/b")));
    ck_assert(span_equal(keys.list[1], span_text("with space")));
    ck_assert(span_equal(keys.list[2], span_text("last")));
    keys_free(&keys);
    unlink(path);
}
END_TEST

START_TEST(what_is_no_key_is_refused)
{
    char text[256] = "", why[256];
    struct keys keys;
    ck_assert_int_eq(read_line("-s unix:/a --key ../up", text), ARGUMENTS_LOAD);
    ck_assert_int_eq(keys_load(&keys, &settings, why, sizeof(why)), -EINVAL);
    ck_assert_ptr_nonnull(strstr(why, "../up"));
    keys_free(&keys);
}
END_TEST

START_TEST(zipf_asks_for_the_first_most)
{
    enum { KEYS = 1000, DRAWS = 200000 };
    static unsigned drawn[KEYS];
    struct keys keys = {.count = KEYS, .popular = keys_zipf(KEYS)};
    struct picker picker;
    double sum = 0;
    for (unsigned k = 1; k <= KEYS; k++)
        sum += 1.0 / k;
    picker_init(&picker, &keys, 3);
    for (unsigned i = 0; i < DRAWS; i++)
        drawn[picker_next(&picker)]++;
    for (unsigned k = 0; k < 10; k++)
        ck_assert_double_eq_tol(drawn[k], DRAWS / sum / (k + 1), 0.1 * DRAWS / sum / (k + 1));
    ck_assert_uint_gt(drawn[KEYS - 1] + drawn[KEYS - 2] + drawn[KEYS - 3] + drawn[KEYS - 4], 0);
    free(keys.popular);
}
END_TEST

/* ---- what was delivered -------------------------------------------------------------------------- */

static const struct plan inspect_plan = {.settings = &settings, .keys = {.count = 2}};
static struct inspector inspector;

static void start_inspector(const char *options) {
    char text[256] = "", line[300];
    snprintf(line, sizeof(line), "-s unix:/a %s", options);
    ck_assert_int_eq(read_line(line, text), ARGUMENTS_LOAD);
    ck_assert_int_eq(inspector_init(&inspector, &inspect_plan), 0);
}

static const char *deliver(const char *bytes, uint32_t key, uint64_t version) {
    struct inspection inspection = {0};
    size_t n = strlen(bytes);
    inspect_bytes(&inspector, &inspection, span_of(bytes, n / 2)); /* in two pieces */
    inspect_bytes(&inspector, &inspection, span_of(bytes + n / 2, n - n / 2));
    return inspect_end(&inspector, &inspection, key, version);
}

static const char *pass(const char *bytes, size_t promised, uint32_t key) {
    int fd = memfd_create("object", MFD_CLOEXEC);
    ck_assert_int_eq(write(fd, bytes, strlen(bytes)), (ssize_t)strlen(bytes));
    const char *wrong = inspect_descriptor(&inspector, fd, promised, key, 1);
    close(fd);
    return wrong;
}

START_TEST(other_bytes_for_the_same_version_are_wrong)
{
    start_inspector("--verify");
    ck_assert_ptr_null(deliver("hello, world", 0, 1));
    ck_assert_ptr_null(deliver("hello, world", 0, 1));
    ck_assert_ptr_nonnull(deliver("hello, xorld", 0, 1));
    ck_assert_ptr_nonnull(deliver("hello", 0, 1));
    ck_assert_ptr_null(deliver("another key", 1, 1));
    ck_assert_ptr_null(deliver("a new version", 0, 2));
    inspector_free(&inspector);
}
END_TEST

START_TEST(descriptors_are_held_to_the_same_bytes)
{
    start_inspector("--verify");
    ck_assert_ptr_null(deliver("hello, world", 0, 1));
    ck_assert_ptr_null(pass("hello, world", 12, 0));
    ck_assert_ptr_nonnull(pass("hello, xorld", 12, 0));
    ck_assert_ptr_nonnull(pass("hello, world", 11, 0));
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    ck_assert_ptr_nonnull(inspect_descriptor(&inspector, fd, 0, 1, 1));
    close(fd);
    inspector_free(&inspector);
}
END_TEST

START_TEST(touching_reads_one_byte_or_all)
{
    start_inspector("--touch");
    ck_assert(!inspector_idle(&inspector));
    ck_assert_ptr_null(pass("a and more", 10, 0));
    ck_assert_uint_eq(inspector.sum, 'a');
    inspector_free(&inspector);
    release();
    start_inspector("--touch=all");
    ck_assert_ptr_null(deliver("bb", 0, 1));
    ck_assert_uint_ge(inspector.sum, 'b');
    inspector_free(&inspector);
    release();
    start_inspector("");
    ck_assert(inspector_idle(&inspector));
    inspector_free(&inspector);
}
END_TEST

/* ---- descriptors --------------------------------------------------------------------------------- */

START_TEST(the_bin_closes_what_it_was_given_and_nothing_else)
{
    enum { COUNT = 200 };
    struct fdbin bin = {0};
    int fds[COUNT];
    for (int i = 0; i < COUNT; i++)
        fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    for (int i = 0; i < COUNT; i++)
        if (i % 10 != 5)
            fdbin_add(&bin, fds[i]);
    for (int i = COUNT - 1; i >= 0; i--) /* runs that go down, more than there is room for */
        if (i % 10 == 5 && i % 20 != 5)
            fdbin_add(&bin, fds[i]);
    fdbin_empty(&bin);
    for (int i = 0; i < COUNT; i++)
        ck_assert_int_eq(fcntl(fds[i], F_GETFD) >= 0, i % 20 == 5);
    for (int i = 5; i < COUNT; i += 20)
        close(fds[i]);
}
END_TEST

START_TEST(a_process_has_used_time_and_threads)
{
    struct procstat stat;
    char pids[64];
    for (volatile unsigned i = 0; i < 10000000; i++)
        ;
    snprintf(pids, sizeof(pids), "%d", getpid());
    ck_assert_int_eq(procstat_read(pids, &stat), 0);
    ck_assert_uint_gt(stat.cpu_ns, 1000000);
    ck_assert_uint_ge(stat.threads, 1);
    uint64_t once = stat.cpu_ns;
    snprintf(pids, sizeof(pids), "%d %d", getpid(), getpid());
    ck_assert_int_eq(procstat_read(pids, &stat), 0);
    ck_assert_uint_ge(stat.cpu_ns, 2 * once);
    snprintf(pids, sizeof(pids), "%d,%d", getpid(), getpid());
    ck_assert_int_eq(procstat_read(pids, &stat), 0);
    ck_assert_uint_ge(stat.cpu_ns, 2 * once);
    ck_assert_int_lt(procstat_read("999999999", &stat), 0);
    ck_assert_int_lt(procstat_read("x", &stat), 0);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("bench parts");
    TCase *tests = tcase_create("bench parts");
    tcase_add_checked_fixture(tests, NULL, release);
    tcase_add_test(tests, options_have_short_and_long_forms);
    tcase_add_test(tests, a_load_ends_after_ten_seconds_unless_told);
    tcase_add_test(tests, wrong_options_are_refused_by_name);
    tcase_add_test(tests, headers_are_lines_with_their_ends);
    tcase_add_test(tests, keys_take_turns);
    tcase_add_test(tests, keys_come_from_a_file);
    tcase_add_test(tests, what_is_no_key_is_refused);
    tcase_add_test(tests, zipf_asks_for_the_first_most);
    tcase_add_test(tests, other_bytes_for_the_same_version_are_wrong);
    tcase_add_test(tests, descriptors_are_held_to_the_same_bytes);
    tcase_add_test(tests, touching_reads_one_byte_or_all);
    tcase_add_test(tests, the_bin_closes_what_it_was_given_and_nothing_else);
    tcase_add_test(tests, a_process_has_used_time_and_threads);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
