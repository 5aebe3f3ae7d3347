/* The cache of open objects: whose they are, how long they last, which one goes. */
#include "handlers/objects/cache.h"

#include "reactor/ledger.h"

#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define MAX_AGE 1.0

static struct ledger ledger;
static struct deadlines deadlines;
static int64_t now_ns;
static struct cache cache;

static void setup(void) {
    ck_assert_int_eq(ledger_init(&ledger, 1024), 0);
    deadlines_init(&deadlines, ev_loop_new(EVFLAG_AUTO), &now_ns);
    cache_init(&cache, &ledger, FD_SHARED, &deadlines, 2, MAX_AGE);
}

static void teardown(void) {
    cache_free(&cache);
    ledger_flush(&ledger);
    ck_assert_uint_eq(ledger.open_by_kind[FD_SHARED] + ledger.open_by_kind[FD_OBJECT], 0);
    ledger_free(&ledger);
    deadlines_stop(&deadlines);
    ev_loop_destroy(deadlines.ev);
}

/* Only the cache holds its descriptor then. */
static int put(uint32_t owner, const char *name, const char *bytes, double now) {
    now_ns = (int64_t)(now * 1e9);
    struct object object = {.fd = open("/dev/null", O_RDONLY | O_CLOEXEC)};
    ck_assert_int_ge(object.fd, 0);
    ledger_enter(&ledger, object.fd, FD_OBJECT, 0, now);
    cache_put(&cache, owner, span_text(name), &object, span_text(bytes));
    ledger_release(&ledger, object.fd);
    return object.fd;
}

static int find(uint32_t owner, const char *name, double now) {
    now_ns = (int64_t)(now * 1e9);
    const struct cached *entry = cache_find(&cache, owner, span_text(name));
    return entry ? entry->object.fd : -1;
}

static bool is_open(int fd) {
    ledger_flush(&ledger);
    return fcntl(fd, F_GETFD) >= 0;
}

START_TEST(an_entry_is_its_owners)
{
    int mine = put(1, "key", "", 10), yours = put(2, "key", "", 10);
    ck_assert_int_eq(find(1, "key", 10), mine);
    ck_assert_int_eq(find(2, "key", 10), yours);
    ck_assert_int_eq(find(3, "key", 10), -1);
    ck_assert_int_eq(find(1, "ke", 10), -1);
}
END_TEST

START_TEST(bytes_come_with_it)
{
    put(1, "key", "content", 10);
    const struct cached *entry = cache_find(&cache, 1, span_text("key"));
    ck_assert(span_equal(cached_bytes(entry), span_text("content")));
}
END_TEST

START_TEST(none_is_given_that_is_too_old)
{
    int fd = put(1, "key", "", 10);
    ck_assert_int_eq(find(1, "key", 10 + MAX_AGE - 0.01), fd);
    ck_assert_int_eq(find(1, "key", 10 + MAX_AGE), -1); /* having been used makes it no younger */
    ck_assert(!is_open(fd));
    ck_assert_uint_eq(cache.count, 0);
}
END_TEST

START_TEST(one_that_nobody_asks_for_ends_too)
{
    int fd = put(1, "key", "", 10);
    now_ns = (int64_t)((10 + MAX_AGE) * 1e9);
    ev_invoke(deadlines.ev, &deadlines.timer, EV_TIMER);
    ck_assert(!is_open(fd));
    ck_assert_uint_eq(cache.count, 0);
}
END_TEST

START_TEST(without_an_age_nothing_is_kept)
{
    cache_free(&cache);
    cache_init(&cache, &ledger, FD_SHARED, &deadlines, 2, 0);
    int fd = put(1, "key", "", 10);
    ck_assert_int_eq(find(1, "key", 10), -1);
    ck_assert(!is_open(fd));
}
END_TEST

START_TEST(a_new_one_takes_the_olds_place)
{
    int first = put(1, "key", "", 10), second = put(1, "key", "", 10.5);
    ck_assert_int_eq(find(1, "key", 11.4), second);
    ck_assert(!is_open(first));
    ck_assert_uint_eq(cache.count, 1);
}
END_TEST

START_TEST(the_least_recently_used_one_goes)
{
    int a = put(1, "a", "", 10), b = put(1, "b", "", 10);
    ck_assert_int_eq(find(1, "a", 10), a);
    int c = put(1, "c", "", 10);
    ck_assert_int_eq(find(1, "a", 10), a);
    ck_assert_int_eq(find(1, "b", 10), -1);
    ck_assert_int_eq(find(1, "c", 10), c);
    ck_assert(!is_open(b));
}
END_TEST

START_TEST(a_descriptor_lives_on_with_whoever_holds_it)
{
    int fd = put(1, "key", "", 10);
    ledger_hold(&ledger, fd); /* a reply on its way */
    ck_assert_uint_eq(ledger.open_by_kind[FD_SHARED], 1);
    ck_assert_int_eq(find(1, "key", 20), -1);
    ck_assert(is_open(fd));
    ck_assert_uint_eq(ledger.open_by_kind[FD_OBJECT], 1);
    ledger_release(&ledger, fd);
    ck_assert(!is_open(fd));
}
END_TEST

START_TEST(without_room_nothing_is_kept)
{
    cache_free(&cache);
    cache_init(&cache, &ledger, FD_SHARED, &deadlines, 0, MAX_AGE);
    int fd = put(1, "key", "", 10);
    ck_assert_int_eq(find(1, "key", 10), -1);
    ck_assert(!is_open(fd));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("cache");
    TCase *tests = tcase_create("cache");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, an_entry_is_its_owners);
    tcase_add_test(tests, bytes_come_with_it);
    tcase_add_test(tests, none_is_given_that_is_too_old);
    tcase_add_test(tests, one_that_nobody_asks_for_ends_too);
    tcase_add_test(tests, without_an_age_nothing_is_kept);
    tcase_add_test(tests, a_new_one_takes_the_olds_place);
    tcase_add_test(tests, the_least_recently_used_one_goes);
    tcase_add_test(tests, a_descriptor_lives_on_with_whoever_holds_it);
    tcase_add_test(tests, without_room_nothing_is_kept);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
