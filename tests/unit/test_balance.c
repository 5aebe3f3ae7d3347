/* Balancing without sockets: rounds, least connections, latency, slow start, consistent hashing. */
#include "handlers/gateway/balance.h"
#include "handlers/gateway/hashkey.h"
#include "handlers/gateway/hashring.h"
#include "handlers/gateway/latency.h"

#include <check.h>
#include <stdlib.h>

START_TEST(round_robin_spreads_weights)
{
    struct balance_node a = {.weight = 5}, b = {.weight = 1}, c = {.weight = 1};
    struct balance_node *nodes[] = {&a, &b, &c};
    char order[15] = "";
    for (int i = 0; i < 14; i++) {
        const struct balance_node *node = balance_pick(BALANCE_ROUNDROBIN, nodes, 3, 0);
        order[i] = node == &a ? 'a' : node == &b ? 'b' : 'c';
    }
    ck_assert_str_eq(order, "aabacaaaabacaa");
}
END_TEST

START_TEST(least_counts_for_the_weight)
{
    struct balance_node a = {.weight = 1, .active = 2}, b = {.weight = 4, .active = 4};
    struct balance_node *nodes[] = {&a, &b};
    ck_assert_ptr_eq(balance_pick(BALANCE_LEAST, nodes, 2, 0), &b);
    b.active = 12;
    nodes[0] = &a, nodes[1] = &b;
    ck_assert_ptr_eq(balance_pick(BALANCE_LEAST, nodes, 2, 0), &a);
}
END_TEST

START_TEST(least_goes_round_among_equals)
{
    struct balance_node a = {.weight = 1}, b = {.weight = 1}, c = {.weight = 1, .active = 1};
    int of_a = 0, of_b = 0;
    for (int i = 0; i < 10; i++) {
        struct balance_node *nodes[] = {&c, &a, &b};
        const struct balance_node *node = balance_pick(BALANCE_LEAST, nodes, 3, 0);
        of_a += node == &a;
        of_b += node == &b;
    }
    ck_assert_int_eq(of_a, 5);
    ck_assert_int_eq(of_b, 5);
}
END_TEST

START_TEST(random_takes_the_better_of_two)
{
    struct balance_node busy = {.weight = 1, .active = 9}, idle = {.weight = 1};
    struct balance_node *nodes[] = {&busy, &idle};
    for (uint64_t i = 0; i < 100; i++) /* of two, both are always looked at */
        ck_assert_ptr_eq(balance_pick(BALANCE_RANDOM, nodes, 2, i * UINT64_C(0x9e3779b97f4a7c15)), &idle);
}
END_TEST

START_TEST(latency_takes_the_quicker_of_two)
{
    struct balance_node slow = {.weight = 1, .latency = 0.1}, quick = {.weight = 1, .latency = 0.01};
    struct balance_node *nodes[] = {&slow, &quick};
    for (uint64_t i = 0; i < 100; i++)
        ck_assert_ptr_eq(balance_pick(BALANCE_LATENCY, nodes, 2, i * UINT64_C(0x9e3779b97f4a7c15)), &quick);
    quick.active = 20; /* each of them would wait for the others */
    ck_assert_ptr_eq(balance_pick(BALANCE_LATENCY, nodes, 2, 0), &slow);
    slow.weight = 1, quick.weight = 10;
    ck_assert_ptr_eq(balance_pick(BALANCE_LATENCY, nodes, 2, 0), &quick);
}
END_TEST

START_TEST(latency_jumps_up_and_fades)
{
    struct latency latency = {0};
    latency_add(&latency, 0.2, 1);
    ck_assert_double_eq(latency_now(&latency, 1), 0.2);
    latency_add(&latency, 0.1, 2);
    ck_assert(latency_now(&latency, 2) > 0.15 && latency_now(&latency, 2) < 0.2);
    latency_add(&latency, 1, 3);
    ck_assert_double_eq(latency_now(&latency, 3), 1);
    ck_assert_double_lt(latency_now(&latency, 3 + 10 * LATENCY_FADES), 0.001);
}
END_TEST

START_TEST(slow_start_grows)
{
    ck_assert_double_eq(balance_slow_start(8, 0, 0, 100, 10), 8);
    ck_assert_double_eq_tol(balance_slow_start(100, 0, 60, 100, 10), 10, 1e-9);
    ck_assert_double_eq_tol(balance_slow_start(100, 3, 60, 100, 10), 10, 1e-9);
    ck_assert_double_eq_tol(balance_slow_start(100, 30, 60, 100, 10), 50, 1e-9);
    ck_assert_double_eq_tol(balance_slow_start(100, 15, 60, 200, 10), 50, 1e-9);
    ck_assert_double_eq_tol(balance_slow_start(100, 60, 60, 100, 10), 100, 1e-9);
}
END_TEST

/* ---- consistent hashing ------------------------------------------------------------------------ */

START_TEST(ring_moves_only_what_it_must)
{
    const struct hashring_server servers[] = {
        {"tcp:10.0.0.1:80", 1, 0}, {"tcp:10.0.0.2:80", 1, 1}, {"tcp:10.0.0.3:80", 2, 63}};
    struct hashring ring = {0}, less = {0};
    unsigned found[64] = {0}, moved = 0;
    ck_assert_int_eq(hashring_find(&ring, 1, UINT64_MAX), -1);
    ck_assert_int_eq(hashring_fill(&ring, servers, 3), 0);
    ck_assert_int_eq(hashring_fill(&less, servers, 2), 0);
    for (unsigned i = 0; i < 4000; i++) {
        uint64_t key = hashring_hash(0, span_of(&i, sizeof(i)));
        int all = hashring_find(&ring, key, UINT64_MAX);
        found[all]++;
        if (all != 63) /* whether it is off the ring, or may not be used for a while */
            ck_assert_int_eq(hashring_find(&ring, key, 3), all);
        moved += hashring_find(&less, key, UINT64_MAX) != all && all != 63;
    }
    ck_assert(found[0] > 700 && found[0] < 1300 && found[1] > 700 && found[1] < 1300);
    ck_assert_uint_eq(found[0] + found[1] + found[63], 4000);
    ck_assert_uint_lt(moved, 400); /* its points grow fewer and more with the others' weights */
    ck_assert_int_eq(hashring_find(&ring, 1, 0), -1);
    hashring_free(&ring);
    hashring_free(&less);
}
END_TEST

START_TEST(ring_without_servers)
{
    const struct hashring_server drained = {"unix:/a", 0, 0};
    struct hashring ring = {0};
    ck_assert_int_eq(hashring_fill(&ring, &drained, 1), 0);
    ck_assert_int_eq(hashring_find(&ring, 5, UINT64_MAX), -1);
    hashring_free(&ring);
}
END_TEST

START_TEST(hash_keys)
{
    const char *const good[] = {"source", "path", "uri", "header:X-Key", "cookie:sid"};
    const char *const bad[] = {"", "ip", "header:", "header:a b", "cookie:", "sourc", "path:x"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        ck_assert_msg(hashkey_is_good(good[i]), "%s", good[i]);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_msg(!hashkey_is_good(bad[i]), "%s", bad[i]);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("balance");
    TCase *all = tcase_create("balance");
    tcase_add_test(all, round_robin_spreads_weights);
    tcase_add_test(all, least_counts_for_the_weight);
    tcase_add_test(all, least_goes_round_among_equals);
    tcase_add_test(all, random_takes_the_better_of_two);
    tcase_add_test(all, latency_takes_the_quicker_of_two);
    tcase_add_test(all, latency_jumps_up_and_fades);
    tcase_add_test(all, slow_start_grows);
    tcase_add_test(all, ring_moves_only_what_it_must);
    tcase_add_test(all, ring_without_servers);
    tcase_add_test(all, hash_keys);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
