/* What was found in memory a moment ago: for how long, for which object and which bytes that holds. */
#include "handlers/objects/resident.h"

#include "tests/unit/offload_rig.h"

#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGE = 4096, PAGES = 64, SECOND = 1000000000 };

static struct offload_rig rig;
static struct resident resident;
static struct object object;

/* A file in memory: its pages go for certain, when holes are punched. */
static void setup(void) {
    static const char bytes[PAGES * PAGE] = {1};
    offload_rig_setup(&rig);
    offload_rig_start(&rig, &offload_modes[OFFLOAD_MODE_AUTO]);
    resident = (struct resident){0};
    object = (struct object){.fd = memfd_create("resident", MFD_CLOEXEC), .fields.version = 77};
    ck_assert_int_eq(write(object.fd, bytes, sizeof(bytes)), sizeof(bytes));
}

static void teardown(void) {
    close(object.fd);
    offload_rig_teardown(&rig);
}

static bool has(uint64_t offset, size_t n, int64_t now_ns) {
    return resident_has(&resident, rig.offload, &object, offset, n, now_ns);
}

/* False before Linux 6.5, which cannot tell what is in memory of such a file. */
static bool pages_go(void) {
    ck_assert_int_eq(fallocate(object.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGES * PAGE), 0);
    return !offload_resident(rig.offload, object.fd, 0, 0, PAGE);
}

START_TEST(what_was_found_holds_for_a_moment)
{
    ck_assert(has(0, 8 * PAGE, SECOND)); /* just written */
    if (!pages_go())
        return;
    ck_assert(has(0, 8 * PAGE, SECOND + RESIDENT_VALID_NS - 1));
    ck_assert(has(2 * PAGE, 6 * PAGE, SECOND + RESIDENT_VALID_NS - 1));
    ck_assert(!has(0, 8 * PAGE, SECOND + RESIDENT_VALID_NS));
}
END_TEST

START_TEST(only_bytes_that_were_asked_for_are_known)
{
    ck_assert(has(8 * PAGE, 8 * PAGE, SECOND));
    ck_assert(has(16 * PAGE, 8 * PAGE, SECOND)); /* next to them: joined */
    ck_assert(has(4 * PAGE, 8 * PAGE, SECOND));  /* before and across */
    if (!pages_go())
        return;
    ck_assert(has(4 * PAGE, 20 * PAGE, SECOND));
    ck_assert(!has(3 * PAGE, 2 * PAGE, SECOND));
    ck_assert(!has(23 * PAGE, 2 * PAGE, SECOND));
}
END_TEST

START_TEST(bytes_elsewhere_take_the_place_of_the_old_ones)
{
    ck_assert(has(0, 8 * PAGE, SECOND));
    ck_assert(has(32 * PAGE, 8 * PAGE, SECOND));
    if (!pages_go())
        return;
    ck_assert(has(32 * PAGE, 8 * PAGE, SECOND));
    ck_assert(!has(0, 8 * PAGE, SECOND));
    ck_assert(!has(8 * PAGE, 24 * PAGE, SECOND)); /* and nothing is made up in between */
}
END_TEST

START_TEST(another_version_is_another_object)
{
    ck_assert(has(0, 8 * PAGE, SECOND));
    if (!pages_go())
        return;
    object.fields.version += RESIDENT_RANGES; /* at the same place */
    ck_assert(!has(0, 8 * PAGE, SECOND));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("resident");
    TCase *tests = tcase_create("resident");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, what_was_found_holds_for_a_moment);
    tcase_add_test(tests, only_bytes_that_were_asked_for_are_known);
    tcase_add_test(tests, bytes_elsewhere_take_the_place_of_the_old_ones);
    tcase_add_test(tests, another_version_is_another_object);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
