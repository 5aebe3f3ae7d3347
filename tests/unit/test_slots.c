/* Slots and handles: what was given back is not found again, whoever sits there now. */
#include "reactor/slots.h"

#include <check.h>
#include <stdlib.h>

struct thing {
    char name[40];
};

static struct slots slots;

static void setup(void) {
    ck_assert_int_eq(slots_init(&slots, sizeof(struct thing), 3), 0);
}

static void teardown(void) {
    void *left;
    while ((left = slots_next(&slots, NULL)))
        slots_give(&slots, left);
    slots_free(&slots);
}

START_TEST(a_handle_finds_its_slot)
{
    struct thing *thing = slots_take(&slots);
    ck_assert_ptr_nonnull(thing);
    ck_assert_ptr_eq(slots_find(&slots, slots_handle(&slots, thing)), thing);
}
END_TEST

START_TEST(a_handle_does_not_find_the_next_user_of_its_slot)
{
    struct thing *first = slots_take(&slots);
    uint64_t old = slots_handle(&slots, first);
    slots_give(&slots, first);
    ck_assert_ptr_null(slots_find(&slots, old));
    struct thing *second = slots_take(&slots);
    ck_assert_ptr_eq(second, first);
    ck_assert_ptr_null(slots_find(&slots, old));
    ck_assert_uint_ne(slots_handle(&slots, second), old);
}
END_TEST

START_TEST(made_up_handles_find_nothing)
{
    struct thing *thing = slots_take(&slots);
    uint64_t handle = slots_handle(&slots, thing);
    ck_assert_uint_ne(handle, 0);
    ck_assert_ptr_null(slots_find(&slots, 0));
    ck_assert_ptr_null(slots_find(&slots, handle + 1));
    ck_assert_ptr_null(slots_find(&slots, UINT64_MAX));
}
END_TEST

START_TEST(a_full_table_says_so_and_recovers)
{
    void *taken[3];
    for (int i = 0; i < 3; i++)
        ck_assert_ptr_nonnull(taken[i] = slots_take(&slots));
    ck_assert_ptr_null(slots_take(&slots));
    slots_give(&slots, taken[1]);
    ck_assert_ptr_eq(slots_take(&slots), taken[1]);
    ck_assert_uint_eq(slots.used, 3);
}
END_TEST

START_TEST(a_slot_is_zeroed_again)
{
    struct thing *thing = slots_take(&slots);
    thing->name[39] = 'x';
    slots_give(&slots, thing);
    thing = slots_take(&slots);
    ck_assert_int_eq(thing->name[39], 0);
}
END_TEST

START_TEST(all_slots_in_use_can_be_visited)
{
    void *a = slots_take(&slots), *b = slots_take(&slots), *c = slots_take(&slots);
    slots_give(&slots, b);
    ck_assert_ptr_eq(slots_next(&slots, NULL), a);
    ck_assert_ptr_eq(slots_next(&slots, a), c);
    ck_assert_ptr_null(slots_next(&slots, c));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("slots");
    TCase *tests = tcase_create("slots");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, a_handle_finds_its_slot);
    tcase_add_test(tests, a_handle_does_not_find_the_next_user_of_its_slot);
    tcase_add_test(tests, made_up_handles_find_nothing);
    tcase_add_test(tests, a_full_table_says_so_and_recovers);
    tcase_add_test(tests, a_slot_is_zeroed_again);
    tcase_add_test(tests, all_slots_in_use_can_be_visited);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
