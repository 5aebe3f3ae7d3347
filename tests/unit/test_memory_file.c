/* Text in memory: whole, or nothing of it. */
#include "proto/memory_file.h"

#include <check.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* realloc(3) is ours here; the sanitizers have one of their own. */
static bool starved;
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define OWN_REALLOC 1
extern void *__libc_realloc(void *old, size_t size);

void *realloc(void *old, size_t size) {
    return starved ? NULL : __libc_realloc(old, size);
}
#else
#define OWN_REALLOC 0
#endif

static char *text;
static size_t n;
static FILE *out;

static void setup(void) {
    out = memory_file_open(&text, &n);
    ck_assert_ptr_nonnull(out);
}

static void teardown(void) {
    free(text);
}

START_TEST(text_of_any_length_is_whole)
{
    for (int i = 0; i < 50000; i++)
        fprintf(out, "%d,", i % 10);
    ck_assert_int_eq(fclose(out), 0);
    ck_assert_uint_eq(n, 100000);
    ck_assert_uint_eq(strlen(text), n);
    for (size_t i = 0; i < n; i++)
        ck_assert_int_eq(text[i], i % 2 ? ',' : (int)('0' + i / 2 % 10));
}
END_TEST

START_TEST(no_text_is_an_empty_one)
{
    ck_assert_int_eq(fclose(out), 0);
    ck_assert_uint_eq(n, 0);
    ck_assert_str_eq(text, "");
}
END_TEST

START_TEST(what_finds_no_memory_for_a_moment_spoils_all_of_it)
{
    fputs("before", out);
    starved = true;
    int flushed = fflush(out);
    starved = false;
    fputs("after", out);
    int closed = fclose(out);
    ck_assert_int_eq(flushed, EOF);
    ck_assert_int_eq(closed, EOF);
    ck_assert_ptr_null(text);
    ck_assert_uint_eq(n, 0);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("memory_file");
    TCase *all = tcase_create("text");
    tcase_add_checked_fixture(all, setup, teardown);
    tcase_add_test(all, text_of_any_length_is_whole);
    tcase_add_test(all, no_text_is_an_empty_one);
    if (OWN_REALLOC)
        tcase_add_test(all, what_finds_no_memory_for_a_moment_spoils_all_of_it);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
