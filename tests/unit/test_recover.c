/* The log's files: what was written is read back, and whatever happens to a tail, a start finds the records before
 * the damage and nothing else. */
#include "handlers/ingest/recover.h"
#include "handlers/ingest/retention.h"
#include "tests/unit/ingest_rig.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int directory;
static uint64_t seen, last_seen;

static void setup(void) {
    directory = ingest_rig_setup();
}

static void teardown(void) {
    ingest_rig_teardown(directory);
}

static void visit(void *context, const struct record *record) {
    struct span samples = record->payload;
    struct sample sample;
    (void)context;
    ck_assert_int_eq(sample_decode(&samples, &sample), 0);
    ck_assert(sample.value == (double)record->sequence);
    ck_assert_uint_gt(record->sequence, last_seen);
    last_seen = record->sequence;
    seen++;
}

static struct recovery recover_all(void) {
    struct recovery recovery;
    seen = last_seen = 0;
    ck_assert_int_eq(recover_log(directory, 0, visit, NULL, &recovery), 0);
    ck_assert_uint_eq(recovery.records, seen);
    return recovery;
}

START_TEST(an_empty_directory_starts_with_one)
{
    struct recovery recovery = recover_all();
    ck_assert_uint_eq(recovery.next_number, 1);
    ck_assert_uint_eq(recovery.next_sequence, 1);
    ck_assert_uint_eq(recovery.cut_bytes, 0);
}
END_TEST

START_TEST(records_are_found_and_the_rest_is_given_back)
{
    uint64_t end = ingest_rig_segment(directory, 1, 1, 10);
    ingest_rig_segment(directory, 2, 11, 20);
    struct recovery recovery = recover_all();
    size_t n;
    ck_assert_uint_eq(seen, 20);
    ck_assert_uint_eq(recovery.next_sequence, 21);
    ck_assert_uint_eq(recovery.next_number, 3);
    ck_assert_uint_eq(recovery.cut_bytes, 0);
    free(ingest_rig_bytes(directory, 2, &n));
    ck_assert_uint_lt(n, end + 20);
}
END_TEST

START_TEST(a_segment_without_records_goes)
{
    ingest_rig_segment(directory, 1, 1, 3);
    ingest_rig_segment(directory, 2, 1, 0);
    ingest_rig_segment(directory, 3, 1, 0);
    struct recovery recovery = recover_all();
    ck_assert_uint_eq(recovery.segments, 1);
    ck_assert_uint_eq(recovery.next_sequence, 4);
    ck_assert_uint_eq(recovery.next_number, 4);
}
END_TEST

/* Where the fifth record of a segment starts. */
static uint64_t end_of_four(void) {
    char name[SEGMENT_NAME_SIZE];
    uint64_t end = ingest_rig_segment(directory, 1, 1, 4);
    segment_name(1, name);
    ck_assert_int_eq(unlinkat(directory, name, 0), 0);
    return end;
}

/* The file ends anywhere within its last record. */
START_TEST(a_tail_torn_at_any_byte_is_cut)
{
    uint64_t before = end_of_four(), end = ingest_rig_segment(directory, 2, 1, 5);
    size_t size;
    char *bytes = ingest_rig_bytes(directory, 2, &size);
    for (uint64_t at = before; at < end; at++) {
        ingest_rig_write(directory, 2, bytes, at);
        struct recovery recovery = recover_all();
        ck_assert_uint_eq(recovery.next_sequence, 5);
        free(ingest_rig_bytes(directory, 2, &size));
        ck_assert_uint_eq(size, before);
    }
    free(bytes);
}
END_TEST

/* The last record has zeros from any byte on, in a file that goes on with zeros, as after a power cut. */
START_TEST(a_tail_that_was_not_all_written_is_cut)
{
    uint64_t before = end_of_four(), end = ingest_rig_segment(directory, 2, 1, 5);
    size_t size;
    char *bytes = ingest_rig_bytes(directory, 2, &size);
    char *torn = malloc(size);
    for (uint64_t at = before + 1; at < end; at++) {
        memcpy(torn, bytes, size);
        memset(torn + at, 0, size - at);
        if (memcmp(torn, bytes, end) == 0)
            continue; /* it ended in zeros anyway */
        ingest_rig_write(directory, 2, torn, size);
        struct recovery recovery = recover_all();
        ck_assert_uint_eq(recovery.next_sequence, 5);
        ck_assert_uint_eq(recovery.cut_number, 2);
        ck_assert_uint_eq(recovery.cut_offset, before);
        ck_assert_uint_gt(recovery.cut_bytes, 0);
        ck_assert_uint_le(recovery.cut_bytes, at - before);
    }
    free(torn);
    free(bytes);
}
END_TEST

START_TEST(a_bit_that_flipped_in_any_byte_is_found)
{
    uint64_t before = end_of_four(), end = ingest_rig_segment(directory, 2, 1, 5);
    size_t size;
    char *bytes = ingest_rig_bytes(directory, 2, &size);
    for (uint64_t bit = before * 8; bit < end * 8; bit += 9) { /* of every byte another one */
        bytes[bit / 8] ^= (char)(1 << bit % 8);
        ingest_rig_write(directory, 2, bytes, size);
        struct recovery recovery = recover_all();
        ck_assert_uint_eq(recovery.next_sequence, 5);
        bytes[bit / 8] ^= (char)(1 << bit % 8);
    }
    free(bytes);
}
END_TEST

START_TEST(records_of_an_earlier_life_are_not_found)
{
    uint64_t end = ingest_rig_segment(directory, 2, 5, 6);
    size_t size, n;
    char *bytes = ingest_rig_bytes(directory, 2, &size);
    char *stale = ingest_rig_record("stale", 3, &n);
    memcpy(bytes + end, stale, n);
    ingest_rig_write(directory, 2, bytes, size);
    struct recovery recovery = recover_all();
    ck_assert_uint_eq(recovery.next_sequence, 7);
    ck_assert_uint_eq(recovery.cut_bytes, n);
    free(stale);
    free(bytes);
}
END_TEST

START_TEST(a_file_that_is_no_segment_is_not_read)
{
    ingest_rig_segment(directory, 1, 1, 2);
    ingest_rig_write(directory, 2, "something else, and longer than a head", 38);
    struct recovery recovery = recover_all();
    ck_assert_uint_eq(recovery.next_sequence, 3);
    ck_assert_uint_eq(recovery.cut_bytes, 38);
    ck_assert(recovery.set_aside);
    struct stat st; /* nobody knows what it was: it is not thrown away */
    ck_assert(fstatat(directory, "0000000002.log.bad", &st, 0) == 0 && st.st_size == 38);
    ck_assert_int_ne(fstatat(directory, "0000000002.log", &st, 0), 0);
}
END_TEST

/* The third of ten is damaged: the log ends before it, and what can be read behind it is kept aside. */
START_TEST(records_behind_damage_are_kept_aside)
{
    size_t n, size;
    struct stat st;
    uint64_t end = ingest_rig_segment(directory, 1, 1, 10);
    free(ingest_rig_record("name_1", 1, &n));
    char *bytes = ingest_rig_bytes(directory, 1, &size);
    bytes[SEGMENT_HEAD + 2 * n + RECORD_HEAD] ^= 1;
    ingest_rig_write(directory, 1, bytes, size);
    free(bytes);
    struct recovery recovery = recover_all();
    ck_assert_uint_eq(seen, 2);
    ck_assert_uint_eq(recovery.cut_offset, SEGMENT_HEAD + 2 * n);
    ck_assert_uint_eq(recovery.next_sequence, 11); /* 3 to 10 are not given again */
    ck_assert(recovery.set_aside);
    ck_assert_int_eq(fstatat(directory, "0000000001.log.bad", &st, 0), 0);
    ck_assert_int_le((int64_t)st.st_size, (int64_t)end);
    ck_assert_int_eq(renameat(directory, "0000000001.log.bad", directory, "0000000001.log"), 0);
    ingest_rig_segment(directory, 2, 11, 11); /* an older file is read as far as it can be */
    recovery = recover_all();
    ck_assert_uint_eq(seen, 2 + 7 + 1);
    ck_assert_uint_eq(recovery.damaged, 1);
}
END_TEST

static void visit_any(void *context, const struct record *record) {
    (void)record;
    ++*(unsigned *)context;
}

/* Sequences are samples' names for whoever gets them: they are not given twice, whatever people do to files. */
START_TEST(a_copy_of_an_old_file_repeats_no_sequences)
{
    struct recovery recovery;
    unsigned count = 0;
    ingest_rig_segment(directory, 1, 1, 3);
    ingest_rig_segment(directory, 2, 4, 9);
    ingest_rig_segment(directory, 3, 1, 3);
    ck_assert_int_eq(recover_log(directory, 0, visit_any, &count, &recovery), 0);
    ck_assert_uint_eq(count, 12);
    ck_assert_uint_eq(recovery.next_sequence, 10);
}
END_TEST

START_TEST(a_number_without_a_next_one_is_no_segments)
{
    static const char name[] = "18446744073709551615.log";
    ingest_rig_segment(directory, 1, 1, 3);
    close(openat(directory, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    struct recovery recovery = recover_all();
    ck_assert_uint_eq(recovery.next_number, 2);
    ck_assert_int_eq(faccessat(directory, name, F_OK, 0), 0);
    ck_assert_int_eq(segment_create(directory, 10000000000, 4096), -EOVERFLOW);
}
END_TEST

START_TEST(a_second_recovery_finds_the_same)
{
    uint64_t end = ingest_rig_segment(directory, 1, 1, 9);
    size_t size;
    char *bytes = ingest_rig_bytes(directory, 1, &size);
    ingest_rig_write(directory, 1, bytes, end - 1);
    struct recovery first = recover_all(), second = recover_all();
    ck_assert_uint_gt(first.cut_bytes, 0);
    ck_assert_uint_eq(second.cut_bytes, 0);
    ck_assert_uint_eq(first.next_sequence, second.next_sequence);
    free(bytes);
}
END_TEST

/* ---- retention --------------------------------------------------------------------------------- */

static struct retention_result apply(uint64_t number, uint64_t bytes, int64_t oldest_ms) {
    struct retention_result result;
    ck_assert_int_eq(retention_apply(directory, number, bytes, oldest_ms, &result), 0);
    return result;
}

START_TEST(the_oldest_go_when_there_is_too_much)
{
    for (uint64_t i = 1; i <= 5; i++)
        ingest_rig_segment(directory, i, 10 * i, 10 * i + 5);
    ck_assert_uint_eq(apply(5, 0, 0).removed, 0);
    ck_assert_uint_eq(apply(5, 5 << 16, 0).removed, 0);
    struct retention_result result = apply(5, 3 << 16, 0);
    ck_assert_uint_eq(result.removed, 2);
    ck_assert_uint_eq(result.kept, 3);
    ck_assert_uint_eq(recover_all().next_sequence, 56);
    ck_assert_uint_eq(last_seen, 55);
    ck_assert_uint_eq(seen, 18);
}
END_TEST

START_TEST(the_last_sequence_is_never_forgotten)
{
    ingest_rig_segment(directory, 1, 1, 5);
    ingest_rig_segment(directory, 2, 6, 9);
    ingest_rig_segment(directory, 3, 1, 0); /* being written, still empty */
    ck_assert_uint_eq(apply(3, 1, 0).removed, 1);
    ck_assert_uint_eq(recover_all().next_sequence, 10);
}
END_TEST

START_TEST(what_is_too_old_goes)
{
    char name[SEGMENT_NAME_SIZE];
    for (uint64_t i = 1; i <= 3; i++)
        ingest_rig_segment(directory, i, 10 * i, 10 * i + 5);
    struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    segment_name(1, name);
    ck_assert_int_eq(utimensat(directory, name, old, 0), 0);
    ck_assert_uint_eq(apply(3, 0, 2000 * 1000).removed, 1);
    ck_assert_uint_eq(recover_all().segments, 2);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("recover");
    TCase *tests = tcase_create("all");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, an_empty_directory_starts_with_one);
    tcase_add_test(tests, records_are_found_and_the_rest_is_given_back);
    tcase_add_test(tests, a_segment_without_records_goes);
    tcase_add_test(tests, a_tail_torn_at_any_byte_is_cut);
    tcase_add_test(tests, a_tail_that_was_not_all_written_is_cut);
    tcase_add_test(tests, a_bit_that_flipped_in_any_byte_is_found);
    tcase_add_test(tests, records_of_an_earlier_life_are_not_found);
    tcase_add_test(tests, a_file_that_is_no_segment_is_not_read);
    tcase_add_test(tests, records_behind_damage_are_kept_aside);
    tcase_add_test(tests, a_copy_of_an_old_file_repeats_no_sequences);
    tcase_add_test(tests, a_number_without_a_next_one_is_no_segments);
    tcase_add_test(tests, a_second_recovery_finds_the_same);
    tcase_add_test(tests, the_oldest_go_when_there_is_too_much);
    tcase_add_test(tests, the_last_sequence_is_never_forgotten);
    tcase_add_test(tests, what_is_too_old_goes);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
