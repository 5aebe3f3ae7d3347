/* Past events of sessions: what is kept, whose goes first, and what is known to be lost. */
#include "handlers/mcp/recall.h"

#include <check.h>
#include <stdlib.h>

#define KEPT sizeof(struct recall_event) /* of an event, beside its data */

static char data[1000];

static void add(struct recall *recall, struct recall_budget *budget, size_t n) {
    char id[RECALL_ID];
    recall_add(recall, budget, 1, span_of(data, n), id);
}

static unsigned count(const struct recall *recall) {
    const struct recall_event *event = NULL;
    unsigned n = 0;
    while ((event = recall_next(recall, 1, 0, event)))
        n++;
    return n;
}

START_TEST(the_oldest_of_a_session_go)
{
    struct recall_budget budget;
    struct recall one;
    recall_budget_init(&budget, 10 * (KEPT + 100), 2 * (KEPT + 100));
    recall_init(&one, 5);
    for (int i = 0; i < 3; i++)
        add(&one, &budget, 100);
    ck_assert_uint_eq(count(&one), 2);
    ck_assert_uint_eq(one.lost, 6);
    add(&one, &budget, 500); /* longer than what is kept: nothing before it is of use any more */
    ck_assert_uint_eq(count(&one), 0);
    ck_assert_uint_eq(one.lost, 9);
    ck_assert_uint_eq(budget.used, 0);
}
END_TEST

START_TEST(the_oldest_of_all_go)
{
    struct recall_budget budget;
    struct recall left, other, here;
    recall_budget_init(&budget, 4 * (KEPT + 100), 3 * (KEPT + 100));
    recall_init(&left, 0);
    recall_init(&other, 0);
    recall_init(&here, 0);
    for (int i = 0; i < 3; i++)
        add(&left, &budget, 100); /* of a client that does not come back */
    add(&other, &budget, 100);
    for (int i = 0; i < 3; i++)
        add(&here, &budget, 100);
    ck_assert_uint_eq(count(&left), 0);
    ck_assert_uint_eq(left.lost, 3);
    ck_assert_uint_eq(count(&other), 1);
    ck_assert_uint_eq(count(&here), 3);
    ck_assert_uint_eq(here.lost, 0);
    ck_assert_uint_le(budget.used, budget.most);
    recall_clear(&other, &budget);
    recall_clear(&here, &budget);
    ck_assert_uint_eq(budget.used, 0);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("recall");
    TCase *cases = tcase_create("recall");
    tcase_add_test(cases, the_oldest_of_a_session_go);
    tcase_add_test(cases, the_oldest_of_all_go);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
