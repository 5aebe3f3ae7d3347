#include "offload/cpus.h"
#include "offload/settings.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *text, *cpus; /* one digit each */
} lists[] = {{"0", "0"}, {"0,2-3", "023"}, {"5-7,6", "567"}, {"1-1", "1"}};

START_TEST(cpu_lists_are_read)
{
    cpu_set_t set;
    ck_assert_int_eq(cpus_parse(lists[_i].text, &set), 0);
    for (int cpu = 0; cpu < 10; cpu++)
        ck_assert_int_eq(CPU_ISSET((size_t)cpu, &set), strchr(lists[_i].cpus, '0' + cpu) != NULL);
    ck_assert_int_eq(CPU_COUNT(&set), (int)strlen(lists[_i].cpus));
}
END_TEST

static const char *const bad_lists[] = {"",    ",",  "0,",   "a",      "-1", "1-",  "3-2",
                                        "0 1", " 0", "1024", "0-1024", "+1", "0x1", "99999999999999999999"};

START_TEST(what_is_no_cpu_list_is_refused)
{
    cpu_set_t set;
    ck_assert_msg(cpus_parse(bad_lists[_i], &set) == -EINVAL, "\"%s\" was taken", bad_lists[_i]);
}
END_TEST

START_TEST(automatic_values_fit_the_machine)
{
    struct offload_settings settings = {.uring_workers = 8};
    cpu_set_t set;
    sched_getaffinity(0, sizeof set, &set);
    offload_resolve(&settings, 1234);
    ck_assert_int_eq(settings.pool, CPU_COUNT(&set) > 4 ? CPU_COUNT(&set) : 4);
    ck_assert_int_eq(settings.handler_threads, CPU_COUNT(&set));
    ck_assert_int_eq(settings.queue_depth, 1234);
    ck_assert_int_eq(settings.uring_workers, 8);
}
END_TEST

START_TEST(given_values_stay)
{
    struct offload_settings settings = {
        .pool = 3, .handler_threads = 7, .queue_depth = 10, .uring_workers = 2, .threads_max = 15};
    offload_resolve(&settings, 1234);
    ck_assert_int_eq(settings.pool, 3);
    ck_assert_int_eq(settings.handler_threads, 7);
    ck_assert_int_eq(settings.queue_depth, 10);
    ck_assert_int_eq(settings.uring_workers, 2);
}
END_TEST

static const struct {
    int uring;
    long max, pool, handlers, workers;
} shares[] = {
    {URING_AUTO, 24, 6, 1, 8}, {URING_AUTO, 20, 6, 1, 6}, {URING_AUTO, 10, 2, 1, 3},
    {URING_AUTO, 5, 1, 1, 1},  {URING_AUTO, 1, 1, 1, 1}, /* one of each is the least */
    {URING_OFF, 8, 6, 1, 8},   {URING_OFF, 4, 2, 1, 8},
};

START_TEST(threads_are_shared_out)
{
    struct offload_settings settings = {.pool = 6,
                                        .handler_threads = 1,
                                        .queue_depth = 1,
                                        .uring_workers = 8,
                                        .uring = shares[_i].uring,
                                        .threads_max = shares[_i].max};
    offload_resolve(&settings, 1);
    ck_assert_int_eq(settings.pool, shares[_i].pool);
    ck_assert_int_eq(settings.handler_threads, shares[_i].handlers);
    ck_assert_int_eq(settings.uring_workers, shares[_i].workers);
}
END_TEST

START_TEST(every_setting_is_in_the_table)
{
    size_t end = 0;
    ck_assert_str_eq(offload_settings_table.title, "offload");
    for (size_t i = 0; i < offload_settings_table.count; i++) {
        const struct setting *row = &offload_settings_table.rows[i];
        ck_assert(i == 0 || row->offset > offload_settings_table.rows[i - 1].offset);
        ck_assert(row->name && row->initial && row->range && row->help);
        end = row->offset;
    }
    ck_assert_uint_eq(end, offsetof(struct offload_settings, pool_cpus));
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))

int main(void) {
    Suite *suite = suite_create("offload settings");
    TCase *tcase = tcase_create("offload settings");
    tcase_add_loop_test(tcase, cpu_lists_are_read, 0, COUNT(lists));
    tcase_add_loop_test(tcase, what_is_no_cpu_list_is_refused, 0, COUNT(bad_lists));
    tcase_add_test(tcase, automatic_values_fit_the_machine);
    tcase_add_test(tcase, given_values_stay);
    tcase_add_loop_test(tcase, threads_are_shared_out, 0, COUNT(shares));
    tcase_add_test(tcase, every_setting_is_in_the_table);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
