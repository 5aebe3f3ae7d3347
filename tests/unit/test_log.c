#include "reactor/log.h"

#include <check.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define THREADS 4
#define LINES   200 /* of each thread: more than a pipe holds would be lost, so they go to a file */

static int ends[2];
static char text[1 << 20];

static void setup(void) {
    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
}

static void teardown(void) {
    close(ends[0]);
    close(ends[1]);
}

/* What has been written since the last call, as a string. */
static const char *written(void) {
    ssize_t n = read(ends[0], text, sizeof text - 1);
    text[n > 0 ? n : 0] = 0;
    return text;
}

/* The same, without the time that opens the line. */
static const char *after_time(void) {
    const char *line = written();
    ck_assert_msg(strncmp(line, "time=20", 7) == 0, "no time in: %s", line);
    ck_assert_uint_eq(strcspn(line, " "), strlen("time=2026-01-01T00:00:00.000Z"));
    return line + strcspn(line, " ") + 1;
}

static void write_value(enum log_format format, const char *value) {
    struct log *log = log_new(ends[1], LOG_DEBUG, format, 0);
    log_info(log, "e", log_text("v", value));
    log_free(log);
}

static const char *value_in_logfmt(const char *value) {
    write_value(LOG_LOGFMT, value);
    const char *line = after_time();
    ck_assert_msg(strncmp(line, "level=info event=e v=", 21) == 0, "%s", line);
    text[strcspn(text, "\n")] = 0;
    return line + 21;
}

START_TEST(plain_values_stay_bare)
{
    ck_assert_str_eq(value_in_logfmt("tcp:127.0.0.1:7080"), "tcp:127.0.0.1:7080");
    ck_assert_str_eq(value_in_logfmt("gr\xc3\xbc\xc3\x9f"), "gr\xc3\xbc\xc3\x9f");
}
END_TEST

START_TEST(ambiguous_values_are_quoted)
{
    ck_assert_str_eq(value_in_logfmt(""), "\"\"");
    ck_assert_str_eq(value_in_logfmt("two words"), "\"two words\"");
    ck_assert_str_eq(value_in_logfmt("a=b"), "\"a=b\"");
    ck_assert_str_eq(value_in_logfmt("say \"hi\""), "\"say \\\"hi\\\"\"");
    ck_assert_str_eq(value_in_logfmt("back\\slash"), "\"back\\\\slash\"");
}
END_TEST

START_TEST(no_value_forges_a_line_or_drives_a_terminal)
{
    ck_assert_str_eq(value_in_logfmt("x\nlevel=error"), "\"x\\nlevel=error\"");
    ck_assert_str_eq(value_in_logfmt("\x1b[2J"), "\"\\u001b[2J\"");
    ck_assert_str_eq(value_in_logfmt("\xc2\x9b"), "\"\\u009b\"");
    ck_assert_str_eq(value_in_logfmt("\x7f"), "\"\\u007f\"");
    ck_assert_str_eq(value_in_logfmt("\xff\xc3"), "\"\\xff\\xc3\"");
}
END_TEST

START_TEST(numbers_and_order_are_kept)
{
    struct log *log = log_new(ends[1], LOG_DEBUG, LOG_LOGFMT, 0);
    log_warn(log, "e", log_number("a", INT64_MIN), log_text("b", NULL), log_number("c", 7));
    log_free(log);
    ck_assert_str_eq(after_time(), "level=warn event=e a=-9223372036854775808 b=\"\" c=7\n");
}
END_TEST

START_TEST(any_bytes_make_valid_json)
{
    char value[256];
    json_error_t error;
    for (int i = 1; i < 256; i++)
        value[i - 1] = (char)i;
    value[255] = 0;
    write_value(LOG_JSON, value);
    json_t *line = json_loads(written(), 0, &error);
    ck_assert_msg(line != NULL, "%s in %s", error.text, text);
    ck_assert_str_eq(json_string_value(json_object_get(line, "event")), "e");
    ck_assert_int_eq(strncmp(json_string_value(json_object_get(line, "v")), value, 127), 0);
    json_decref(line);
}
END_TEST

START_TEST(json_keeps_text_and_numbers_apart)
{
    struct log *log = log_new(ends[1], LOG_DEBUG, LOG_JSON, 0);
    log_error(log, "e", log_text("a", "1"), log_number("b", -1),
              log_text("c", "\xc2\x9b\"\\\n\t\xe2\x82\xac"));
    log_free(log);
    json_t *line = json_loads(written(), 0, NULL);
    ck_assert_ptr_nonnull(line);
    ck_assert_str_eq(json_string_value(json_object_get(line, "level")), "error");
    ck_assert_str_eq(json_string_value(json_object_get(line, "a")), "1");
    ck_assert_int_eq(json_integer_value(json_object_get(line, "b")), -1);
    ck_assert_str_eq(json_string_value(json_object_get(line, "c")), "\xc2\x9b\"\\\n\t\xe2\x82\xac");
    json_decref(line);
}
END_TEST

/* One write(2) of at most PIPE_BUF bytes is what keeps lines of several threads and processes whole. */
START_TEST(long_lines_stay_whole_and_valid)
{
    char value[10000];
    struct log *log = log_new(ends[1], LOG_DEBUG, LOG_JSON, 0);
    memset(value, 1, sizeof value - 1);
    value[sizeof value - 1] = 0;
    log_info(log, "e", log_text("a", value), log_text("b", value), log_number("c", 3));
    log_free(log);
    ck_assert_uint_le(strlen(written()), PIPE_BUF);
    json_t *line = json_loads(text, 0, NULL);
    ck_assert_ptr_nonnull(line);
    ck_assert_ptr_nonnull(strstr(json_string_value(json_object_get(line, "a")), "..."));
    ck_assert_ptr_null(json_object_get(line, "b"));
    ck_assert_int_eq(json_integer_value(json_object_get(line, "c")), 3);
    json_decref(line);
}
END_TEST

START_TEST(level_filters)
{
    struct log *log = log_new(ends[1], LOG_WARN, LOG_LOGFMT, 0);
    ck_assert(!log_wants(log, LOG_INFO) && log_wants(log, LOG_WARN) && log_wants(log, LOG_ERROR));
    log_info(log, "e", log_number("n", 1));
    ck_assert_str_eq(written(), "");
    log_error(log, "e", log_number("n", 2));
    ck_assert_str_eq(after_time(), "level=error event=e n=2\n");
    log_free(log);
    log = log_new(ends[1], LOG_OFF, LOG_LOGFMT, 0);
    ck_assert(!log_wants(log, LOG_ERROR));
    log_free(log);
    ck_assert(!log_wants(NULL, LOG_ERROR));
    log_error(NULL, "e", log_number("n", 3));
    ck_assert_str_eq(written(), "");
}
END_TEST

static long number_after(const char *line, const char *name) {
    const char *at = strstr(line, name);
    return at ? strtol(at + strlen(name), NULL, 10) : 0;
}

/* Every line of a flood is either written or reported as held back by a later one. */
START_TEST(floods_are_held_back_and_counted)
{
    struct log *log = log_new(ends[1], LOG_DEBUG, LOG_LOGFMT, 2);
    long attempts = 0, lines = 0, held_back = 0;
    for (; attempts < 50; attempts++)
        log_info(log, "flood", log_number("n", attempts));
    for (time_t limit = time(NULL) + 60; held_back == 0 && time(NULL) < limit; attempts++) {
        log_info(log, "flood", log_number("n", attempts));
        for (char *line = strtok((char *)(uintptr_t)written(), "\n"); line; line = strtok(NULL, "\n")) {
            lines++;
            held_back += number_after(line, "held_back=");
        }
        nanosleep(&(struct timespec){0, 5000000}, NULL);
    }
    ck_assert_int_gt(held_back, 0);
    ck_assert_int_eq(lines + held_back, attempts);
    log_free(log);
}
END_TEST

START_TEST(one_flood_does_not_silence_other_events)
{
    struct log *log = log_new(ends[1], LOG_DEBUG, LOG_LOGFMT, 1);
    char other[] = "other", same[] = "other"; /* equal events need not be the same pointer */
    for (int i = 0; i < 10; i++)
        log_info(log, "flood", log_number("n", i));
    written();
    log_info(log, other, log_number("n", 1));
    ck_assert_str_eq(after_time(), "level=info event=other n=1\n");
    log_info(log, same, log_number("n", 2));
    ck_assert_ptr_null(strstr(written(), "event=other n=2\n"));
    log_free(log);
}
END_TEST

START_TEST(full_pipe_loses_lines_without_waiting_and_counts_them)
{
    struct log *log = log_new(ends[1], LOG_DEBUG, LOG_LOGFMT, 0);
    struct pollfd room = {.fd = ends[1], .events = POLLOUT};
    while (poll(&room, 1, 0) == 1)
        ck_assert_int_gt(write(ends[1], text, PIPE_BUF), 0);
    log_info(log, "e", log_number("n", 1)); /* would block for ever: the pipe is in blocking mode */
    log_info(log, "e", log_number("n", 2));
    while (read(ends[0], text, sizeof text) > 0)
        ;
    log_info(log, "e", log_number("n", 3));
    ck_assert_str_eq(after_time(), "level=info event=e n=3 lost=2\n");
    log_info(log, "e", log_number("n", 4));
    ck_assert_str_eq(after_time(), "level=info event=e n=4\n");
    log_free(log);
}
END_TEST

static void *write_lines(void *log) {
    for (int i = 0; i < LINES; i++)
        log_info(log, "e", log_text("v", "some words of some length"), log_number("n", i));
    return NULL;
}

START_TEST(lines_of_several_threads_do_not_mix)
{
    pthread_t threads[THREADS];
    FILE *file = tmpfile();
    struct log *log = log_new(fileno(file), LOG_DEBUG, LOG_JSON, 0);
    int lines = 0;
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, write_lines, log), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    rewind(file);
    for (json_t *line; (line = json_loadf(file, JSON_DISABLE_EOF_CHECK, NULL)); lines++) {
        ck_assert_str_eq(json_string_value(json_object_get(line, "v")), "some words of some length");
        json_decref(line);
    }
    ck_assert_int_eq(lines, THREADS * LINES);
    log_free(log);
    fclose(file);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("log");
    TCase *lines = tcase_create("lines");
    tcase_add_checked_fixture(lines, setup, teardown);
    tcase_add_test(lines, plain_values_stay_bare);
    tcase_add_test(lines, ambiguous_values_are_quoted);
    tcase_add_test(lines, no_value_forges_a_line_or_drives_a_terminal);
    tcase_add_test(lines, numbers_and_order_are_kept);
    tcase_add_test(lines, any_bytes_make_valid_json);
    tcase_add_test(lines, json_keeps_text_and_numbers_apart);
    tcase_add_test(lines, long_lines_stay_whole_and_valid);
    tcase_add_test(lines, level_filters);
    tcase_add_test(lines, floods_are_held_back_and_counted);
    tcase_add_test(lines, one_flood_does_not_silence_other_events);
    tcase_add_test(lines, full_pipe_loses_lines_without_waiting_and_counts_them);
    tcase_add_test(lines, lines_of_several_threads_do_not_mix);
    suite_add_tcase(suite, lines);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
