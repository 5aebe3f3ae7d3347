/* Auto routes: when they move to the workers and when they come back. */
#include "handlers/http/placement.h"

#include <check.h>

#define LIMIT 1000

static struct placement placement;

static void setup(void) {
    placement = (struct placement){0};
}

/* Notes n calls; returns how many times it moved. */
static unsigned calls(unsigned n, int64_t ns) {
    unsigned moves = 0;
    while (n-- > 0)
        moves += placement_note(&placement, ns, LIMIT);
    return moves;
}

START_TEST(fast_calls_stay_on_the_loop)
{
    ck_assert_uint_eq(calls(10 * PLACEMENT_WINDOW, LIMIT), 0);
    ck_assert(!placement.workers);
}
END_TEST

START_TEST(slow_calls_move_before_the_window_ends)
{
    ck_assert_uint_eq(calls(PLACEMENT_SLOW, LIMIT + 1), 0);
    ck_assert_uint_eq(calls(1, LIMIT + 1), 1);
    ck_assert(placement.workers);
}
END_TEST

START_TEST(one_slow_call_in_a_hundred_is_allowed)
{
    for (int window = 0; window < 20; window++) {
        ck_assert_uint_eq(calls(PLACEMENT_SLOW, 100 * LIMIT), 0);
        ck_assert_uint_eq(calls(PLACEMENT_WINDOW - PLACEMENT_SLOW, 1), 0);
    }
    ck_assert(!placement.workers);
}
END_TEST

START_TEST(calls_between_half_and_whole_limit_move_neither_way)
{
    ck_assert_uint_eq(calls(10 * PLACEMENT_WINDOW, LIMIT * 3 / 4), 0);
    ck_assert(!placement.workers);
    ck_assert_uint_eq(calls(PLACEMENT_SLOW + 1, LIMIT + 1), 1);
    ck_assert_uint_eq(calls(10 * PLACEMENT_WINDOW, LIMIT * 3 / 4), 0);
    ck_assert(placement.workers);
}
END_TEST

START_TEST(it_comes_back_after_a_whole_window_of_fast_calls)
{
    calls(PLACEMENT_SLOW + 1, LIMIT + 1);
    ck_assert_uint_eq(calls(PLACEMENT_WINDOW - 1, LIMIT / 2), 0);
    ck_assert_uint_eq(calls(1, LIMIT / 2), 1);
    ck_assert(!placement.workers);
    ck_assert_uint_eq(calls(PLACEMENT_SLOW, LIMIT + 1), 0);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("placement");
    TCase *all = tcase_create("placement");
    tcase_add_checked_fixture(all, setup, NULL);
    tcase_add_test(all, fast_calls_stay_on_the_loop);
    tcase_add_test(all, slow_calls_move_before_the_window_ends);
    tcase_add_test(all, one_slow_call_in_a_hundred_is_allowed);
    tcase_add_test(all, calls_between_half_and_whole_limit_move_neither_way);
    tcase_add_test(all, it_comes_back_after_a_whole_window_of_fast_calls);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
