/* Documents as replies: whole, or an error, whichever allocation fails. */
#include "handlers/http/sluice_json.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMES 30

/* malloc(3) is ours here; the sanitizers have one of their own. */
static int good_ones = -1; /* allocations that succeed before one fails; negative: all do */
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define OWN_MALLOC 1
extern void *__libc_malloc(size_t size);

void *malloc(size_t size) {
    return good_ones >= 0 && good_ones-- == 0 ? NULL : __libc_malloc(size);
}
#else
#define OWN_MALLOC 0
#endif

static char *text;
static size_t size;
static int status;

static int take(struct sluice_request *request, const char *type, void *bytes, size_t n) {
    (void)request, (void)type;
    text = bytes;
    size = n;
    return 0;
}

static void take_error(struct sluice_request *request, int error, const char *message) {
    (void)request, (void)message;
    status = error;
}

static const struct sluice_api api = {.reply_owned = take, .reply_error = take_error};
static struct sluice_request handler_request = {.api = &api};

static json_t *document(void) {
    json_t *object = json_object();
    for (int i = 0; i < NAMES; i++) {
        char name[20];
        snprintf(name, sizeof(name), "name %d", i);
        json_object_set_new(object, name, json_integer(i));
    }
    return object;
}

static int reply(int good) {
    json_t *object = document();
    text = NULL;
    status = 0;
    good_ones = good;
    int result = sluice_reply_document(&handler_request, object);
    good_ones = -1;
    return result;
}

static void assert_whole(void) {
    json_t *got = json_loadb(text, size, 0, NULL), *wanted = document();
    ck_assert(json_equal(got, wanted));
    json_decref(got);
    json_decref(wanted);
    free(text);
}

START_TEST(a_document_is_the_reply)
{
    ck_assert_int_eq(reply(-1), 0);
    assert_whole();
}
END_TEST

START_TEST(no_document_is_an_error)
{
    ck_assert_int_eq(sluice_reply_document(&handler_request, NULL), -1);
    ck_assert_int_eq(status, 503);
}
END_TEST

START_TEST(without_memory_it_is_an_error)
{
    int failures = 0;
    for (int good = 0; good < 100; good++) {
        if (reply(good) == 0) {
            assert_whole();
        } else {
            ck_assert_int_eq(status, 503);
            ck_assert_ptr_null(text);
            failures++;
        }
    }
    ck_assert_int_gt(failures, 2); /* to measure, for the text, to print */
    ck_assert_int_lt(failures, 100);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("sluice_json");
    TCase *all = tcase_create("replies");
    tcase_add_test(all, a_document_is_the_reply);
    tcase_add_test(all, no_document_is_an_error);
    if (OWN_MALLOC)
        tcase_add_test(all, without_memory_it_is_an_error);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
