/* Texts become the values that jansson makes of them, or nothing: also where memory ends. */
#include "handlers/http/json_value.h"
#include "proto/jsontext.h"

#include <check.h>
#include <stdlib.h>

static long left = -1; /* allocations of jansson's until one fails; -1: none does */

static void *failing_malloc(size_t n) {
    return left >= 0 && left-- == 0 ? NULL : malloc(n);
}

static void setup(void) {
    json_set_alloc_funcs(failing_malloc, free);
}

static json_t *load(const char *text, unsigned flags, struct json_obstacle *obstacle) {
    struct span value;
    ck_assert_ptr_null(jsontext_check(span_text(text), 64, &value));
    return json_value(value, flags, obstacle);
}

static const char *const texts[] = {
    "{}",
    "[]",
    " [ ] ",
    "\"\"",
    "null",
    "-0",
    "1.5e3",
    "9223372036854775807",
    "-9223372036854775808",
    "[1,-2.5,true,false,null,\"x\"]",
    "{\"a\":{\"b\":[{},[],[[1]]]},\"\":0,\"a\":2}",
    " { \"\\u00e9\\ud83d\\ude00\" : \"\\\\\\\"\\n,:]}\" , \"c\" : [ 1 , { } ] } ",
    "0."
    "00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
    "001",
};

START_TEST(values_are_those_of_jansson)
{
    struct json_obstacle obstacle;
    json_t *own = load(texts[_i], 0, &obstacle), *other = json_loads(texts[_i], JSON_DECODE_ANY, NULL);
    ck_assert_ptr_nonnull(own);
    ck_assert(json_equal(own, other));
    json_decref(own);
    json_decref(other);
}
END_TEST

START_TEST(what_cannot_be_held_is_told_with_its_place)
{
    static const char twice[] = "[{\"a\":1,\"b\":{\"a\":2}},{\"c\":1,\"d\":2,\"c\":3}]",
                      large[] = "[9223372036854775808]", larger[] = "{\"a\":[1,1e400]}";
    struct json_obstacle obstacle;
    ck_assert_ptr_null(load(twice, JSON_VALUE_ONCE, &obstacle));
    ck_assert_str_eq(obstacle.why, "a name is there twice");
    ck_assert_str_eq(obstacle.at, "\"c\":3}]");
    ck_assert_ptr_null(load(large, 0, &obstacle));
    ck_assert_str_eq(obstacle.at, "9223372036854775808]");
    json_t *real = load(large, JSON_VALUE_REALS, &obstacle);
    ck_assert(json_real_value(json_array_get(real, 0)) == 9223372036854775808.0);
    json_decref(real);
    ck_assert_ptr_null(load(larger, JSON_VALUE_REALS, &obstacle));
    ck_assert_str_eq(obstacle.at, "1e400]}");
}
END_TEST

/* Strings of all lengths around those at which buffers grow. */
START_TEST(without_memory_there_is_no_value)
{
    char text[600];
    struct json_obstacle obstacle;
    unsigned failures = 0;
    snprintf(text, sizeof(text), "{\"%0*d\":[\"%0*d\",{\"x\":1.5}]}", _i, 0, _i, 0);
    json_t *whole = load(text, 0, &obstacle), *value;
    for (long n = 0;; n++) {
        left = n;
        value = load(text, 0, &obstacle);
        bool failed = left == -1;
        left = -1;
        ck_assert(value ? json_equal(value, whole) : failed && !obstacle.why);
        json_decref(value);
        failures += failed;
        if (!failed)
            break;
    }
    ck_assert_uint_gt(failures, 5);
    json_decref(whole);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("json value");
    TCase *tests = tcase_create("json value");
    tcase_add_checked_fixture(tests, setup, NULL);
    tcase_add_loop_test(tests, values_are_those_of_jansson, 0, sizeof(texts) / sizeof(texts[0]));
    tcase_add_test(tests, what_cannot_be_held_is_told_with_its_place);
    tcase_add_loop_test(tests, without_memory_there_is_no_value, 1, 280);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
