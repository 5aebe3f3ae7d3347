/* The ledger: what is open is known, what is released is closed once, and nothing else is. */
#include "reactor/ledger.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static struct ledger ledger;

static void setup(void) {
    ck_assert_int_eq(ledger_init(&ledger, 1024), 0);
}

static void teardown(void) {
    ledger_free(&ledger);
}

static int open_entered(enum fd_kind kind) {
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    ledger_enter(&ledger, fd, kind, 7, 1.0);
    return fd;
}

static bool is_open(int fd) {
    return fcntl(fd, F_GETFD) >= 0;
}

START_TEST(inherited_descriptors_are_in_it_from_the_start)
{
    uint64_t foreign;
    ck_assert_uint_ge(ledger.open_by_kind[FD_INHERITED], 2);
    ck_assert_int_eq(ledger_audit(&ledger, &foreign), (long)ledger_open(&ledger));
    ck_assert_uint_eq(foreign, 0);
}
END_TEST

START_TEST(a_walk_through_it_ends_behind_the_highest)
{
    struct ledger vast;
    ck_assert_int_eq(ledger_init(&vast, (size_t)1 << 30), 0);
    size_t open_before = vast.top;
    int fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 500);
    ledger_enter(&vast, fd, FD_OBJECT, 7, 1.0);
    ck_assert_uint_lt(open_before, 500);
    ck_assert_uint_eq(vast.top, (size_t)fd + 1);
    ledger_close(&vast, fd);
    ledger_free(&vast);
}
END_TEST

START_TEST(what_nobody_entered_is_counted_as_foreign)
{
    uint64_t foreign;
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    long count = ledger_audit(&ledger, &foreign);
    ck_assert_uint_eq(foreign, 1);
    ck_assert_int_eq(count, (long)ledger_open(&ledger) + 1);
    ledger_adopt(&ledger, FD_LOOP);
    ledger_audit(&ledger, &foreign);
    ck_assert_uint_eq(foreign, 0);
    ck_assert_int_eq(ledger.entries[fd].kind, FD_LOOP);
    ledger_close(&ledger, fd);
}
END_TEST

START_TEST(a_released_descriptor_is_closed_with_the_turn)
{
    int fd = open_entered(FD_OBJECT);
    ledger_release(&ledger, fd);
    ck_assert(is_open(fd));
    ledger_flush(&ledger);
    ck_assert(!is_open(fd));
    ck_assert_uint_eq(ledger.open_by_kind[FD_OBJECT], 0);
}
END_TEST

START_TEST(a_descriptor_lives_as_long_as_its_last_holder)
{
    int fd = open_entered(FD_SHARED);
    ledger_hold(&ledger, fd);
    ledger_release(&ledger, fd);
    ledger_flush(&ledger);
    ck_assert(is_open(fd));
    ledger_release(&ledger, fd);
    ledger_flush(&ledger);
    ck_assert(!is_open(fd));
}
END_TEST

/* Neighbours are closed as a range: those between that are still held must survive. */
START_TEST(a_range_spares_what_is_held_in_between)
{
    int fds[8];
    for (int i = 0; i < 8; i++)
        fds[i] = open_entered(FD_OBJECT);
    for (int i = 7; i >= 0; i--)
        if (i != 3)
            ledger_release(&ledger, fds[i]);
    ledger_flush(&ledger);
    for (int i = 0; i < 8; i++)
        ck_assert_int_eq(is_open(fds[i]), i == 3);
    ledger_close(&ledger, fds[3]);
    ck_assert_uint_eq(ledger.open_by_kind[FD_OBJECT], 0);
}
END_TEST

START_TEST(more_than_one_batch_is_closed)
{
    int fds[600];
    for (int i = 0; i < 600; i++)
        fds[i] = open_entered(FD_OBJECT);
    for (int i = 0; i < 600; i++)
        ledger_release(&ledger, fds[i]);
    ledger_flush(&ledger);
    uint64_t foreign;
    ck_assert_int_eq(ledger_audit(&ledger, &foreign), (long)ledger_open(&ledger));
    for (int i = 0; i < 600; i++)
        ck_assert(!is_open(fds[i]));
}
END_TEST

START_TEST(slow_ones_are_for_who_takes_them)
{
    int fds[5], taken[5];
    for (int i = 0; i < 5; i++) {
        fds[i] = open_entered(FD_OBJECT);
        if (i > 0)
            ledger_mark_slow(&ledger, fds[i]);
    }
    for (int i = 0; i < 5; i++)
        ledger_release(&ledger, fds[i]);
    ledger_flush(&ledger);
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(is_open(fds[i]), i > 0);
    ck_assert_uint_eq(ledger.open_by_kind[FD_OBJECT], 4);
    unsigned count = ledger_take_slow(&ledger, taken, 3);
    ck_assert_uint_eq(count, 3);
    count += ledger_take_slow(&ledger, taken + 3, 2);
    ck_assert_uint_eq(count, 4);
    ck_assert_uint_eq(ledger_take_slow(&ledger, taken, 5), 0);
    ck_assert_uint_eq(ledger.open_by_kind[FD_OBJECT], 0);
    for (unsigned i = 0; i < count; i++) {
        ck_assert(is_open(taken[i]));
        close(taken[i]);
    }
    ck_assert_int_eq(open_entered(FD_OBJECT), fds[0]);
    ledger_close(&ledger, fds[0]);
}
END_TEST

START_TEST(a_new_purpose_moves_the_count)
{
    int fd = open_entered(FD_OBJECT);
    ledger_retag(&ledger, fd, FD_SHARED);
    ck_assert_uint_eq(ledger.open_by_kind[FD_OBJECT], 0);
    ck_assert_uint_eq(ledger.open_by_kind[FD_SHARED], 1);
    ledger_close(&ledger, fd);
    ck_assert_uint_eq(ledger.open_by_kind[FD_SHARED], 0);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("ledger");
    TCase *tests = tcase_create("ledger");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, inherited_descriptors_are_in_it_from_the_start);
    tcase_add_test(tests, a_walk_through_it_ends_behind_the_highest);
    tcase_add_test(tests, what_nobody_entered_is_counted_as_foreign);
    tcase_add_test(tests, a_released_descriptor_is_closed_with_the_turn);
    tcase_add_test(tests, a_descriptor_lives_as_long_as_its_last_holder);
    tcase_add_test(tests, a_range_spares_what_is_held_in_between);
    tcase_add_test(tests, more_than_one_batch_is_closed);
    tcase_add_test(tests, slow_ones_are_for_who_takes_them);
    tcase_add_test(tests, a_new_purpose_moves_the_count);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
