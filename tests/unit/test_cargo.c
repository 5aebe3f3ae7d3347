/* What a forwarder reads: cursors survive, messages are the same whenever they are made, nothing beyond the bound is
 * sent and nothing before it is left out. */
#include "handlers/ingest/cargo.h"
#include "tests/unit/ingest_rig.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define MOST ((size_t)1 << 20)

static int directory;
static struct cargo cargo;

static void setup(void) {
    directory = ingest_rig_setup();
    cargo = (struct cargo){.directory = directory, .identity = "here", .message_wanted = MOST};
}

static void teardown(void) {
    cargo_free(&cargo);
    ingest_rig_teardown(directory);
}

static void write_file(const char *name, const char *text) {
    int fd = openat(directory, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

START_TEST(a_cursor_is_read_as_it_was_written)
{
    struct cursor out, cursor = {.segment = 7,
                                 .offset = UINT64_MAX,
                                 .sequence = 9,
                                 .time_ms = 1700000000000,
                                 .stream_sequence = 5,
                                 .id = "host-0123456789abcdef-8"};
    ck_assert_int_eq(cursor_read(directory, "x", &out), -ENOENT);
    ck_assert_int_eq(cursor_write(directory, "x", &cursor), 0);
    ck_assert_int_eq(cursor_read(directory, "x", &out), 0);
    ck_assert_mem_eq(&out, &cursor, sizeof(out));
    cursor.id[0] = '\0';
    memset(cursor.id, 0, sizeof(cursor.id));
    ck_assert_int_eq(cursor_write(directory, "x", &cursor), 0);
    ck_assert_int_eq(cursor_read(directory, "x", &out), 0);
    ck_assert_str_eq(out.id, "");
}
END_TEST

START_TEST(a_cursor_that_is_none_is_told)
{
    static const char *const texts[] = {"", "sluice-cursor 2\n",
                                        "sluice-cursor 1\nsegment 1\noffset 16\nsequence 1\n",
                                        ("sluice-cursor 1\nsegment 1\noffset 16\nsequence 1\ntime_ms 0\n"
                                         "stream_sequence 0\nid -\n")};
    struct cursor out;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        write_file("forward-x.cursor", texts[i]);
        ck_assert_int_eq(cursor_read(directory, "x", &out), -EBADMSG);
    }
}
END_TEST

START_TEST(a_log_has_one_identity)
{
    char first[IDENTITY_SIZE], again[IDENTITY_SIZE];
    ck_assert_int_eq(log_identity(directory, first), 0);
    ck_assert_int_eq(log_identity(directory, again), 0);
    ck_assert_str_eq(first, again);
    unlinkat(directory, "identity", 0);
    ck_assert_int_eq(log_identity(directory, again), 0);
    ck_assert_str_ne(first, again);
    write_file("identity", "spaces are not for identities\n");
    ck_assert_int_eq(log_identity(directory, again), -EBADMSG);
}
END_TEST

/* Loads until the cursor is at the bound; the number of messages. */
static uint64_t load_all(struct cursor *cursor, const struct log_bound *bound, size_t most) {
    uint64_t messages = 0;
    for (int i = 0; i < 100 && cargo_is_behind(cursor, bound); i++) {
        ck_assert_int_eq(cargo_load(&cargo, cursor, bound, most), 0);
        *cursor = cargo.after;
        messages += cargo.count;
    }
    ck_assert(!cargo_is_behind(cursor, bound));
    return messages;
}

START_TEST(all_segments_up_to_the_bound_are_loaded)
{
    struct cursor cursor;
    ingest_rig_segment(directory, 1, 1, 10);
    ingest_rig_segment(directory, 3, 11, 20);
    uint64_t end = ingest_rig_segment(directory, 4, 21, 25);
    ingest_rig_segment(directory, 5, 26, 30);
    struct log_bound bound = {.segment = 4, .offset = end, .sequence = 26, .synced = false};
    ck_assert_int_eq(cargo_rewind(directory, &bound, &cursor), 0);
    ck_assert_uint_eq(cursor.segment, 1);
    ck_assert_uint_eq(cursor.sequence, 1);
    ck_assert_uint_gt(cargo_bytes_behind(directory, &cursor, &bound), 0);
    ck_assert_uint_eq(load_all(&cursor, &bound, MOST), 25);
    ck_assert_uint_eq(cursor.sequence, 26);
    ck_assert_uint_eq(cargo_bytes_behind(directory, &cursor, &bound), 0);
}
END_TEST

START_TEST(a_message_is_the_same_whenever_it_is_made)
{
    uint64_t end = ingest_rig_segment(directory, 1, 1, 3);
    struct log_bound bound = {.segment = 1, .offset = end, .sequence = 4, .synced = true};
    struct cursor cursor;
    ck_assert_int_eq(cargo_rewind(directory, &bound, &cursor), 0);
    ck_assert_int_eq(cargo_load(&cargo, &cursor, &bound, MOST), 0);
    ck_assert_uint_eq(cargo.count, 3);
    ck_assert_str_eq(cargo.messages[2].id, "here-3");
    size_t n = cargo.messages[2].text.n;
    char *text = calloc(1, n + 1);
    ck_assert_ptr_nonnull(text);
    memcpy(text, cargo.messages[2].text.p, n);
    ck_assert_ptr_nonnull(strstr(text, "{\"seq\":3,"));
    ck_assert_int_eq(text[n - 1], '\n');
    ck_assert_int_eq(cargo_load(&cargo, &cursor, &bound, MOST), 0);
    ck_assert_uint_eq(cargo.messages[2].text.n, n);
    ck_assert_mem_eq(cargo.messages[2].text.p, text, n);
    free(text);
}
END_TEST

START_TEST(what_is_too_long_is_left_out_and_counted)
{
    uint64_t end = ingest_rig_segment(directory, 1, 1, 3);
    struct log_bound bound = {.segment = 1, .offset = end, .sequence = 4, .synced = true};
    struct cursor cursor;
    ck_assert_int_eq(cargo_rewind(directory, &bound, &cursor), 0);
    ck_assert_uint_eq(load_all(&cursor, &bound, 10), 0);
    ck_assert_uint_eq(cargo.oversized, 3);
    ck_assert_uint_eq(cursor.sequence, 4);
}
END_TEST

START_TEST(damage_is_passed_over_and_counted)
{
    size_t n;
    ingest_rig_segment(directory, 1, 1, 10);
    uint64_t end = ingest_rig_segment(directory, 2, 11, 20);
    char *bytes = ingest_rig_bytes(directory, 1, &n);
    bytes[SEGMENT_HEAD + RECORD_HEAD] ^= 1; /* a sample: the record's length tells where the next one is */
    ingest_rig_write(directory, 1, bytes, n);
    struct log_bound bound = {.segment = 2, .offset = end, .sequence = 21, .synced = true};
    struct cursor start = {.segment = 1, .offset = SEGMENT_HEAD, .sequence = 1}, cursor = start;
    ck_assert_int_eq(cargo_load(&cargo, &cursor, &bound, MOST), 0);
    ck_assert_uint_eq(cargo.damaged, 1);
    ck_assert_uint_eq(cargo.samples, 9);
    cursor = cargo.after;
    ck_assert_uint_eq(load_all(&cursor, &bound, MOST), 10);
    bytes[SEGMENT_HEAD] ^= 1; /* its length: what follows in this file is lost */
    ingest_rig_write(directory, 1, bytes, n);
    free(bytes);
    cursor = start;
    ck_assert_int_eq(cargo_load(&cargo, &cursor, &bound, MOST), 0);
    ck_assert_uint_eq(cargo.damaged, 1);
    cursor = cargo.after;
    ck_assert_uint_eq(load_all(&cursor, &bound, MOST), 10);
}
END_TEST

/* The record behind a damaged one may be one that is just being written. */
START_TEST(damage_does_not_lead_beyond_the_bound)
{
    size_t n, size;
    ingest_rig_segment(directory, 1, 1, 10);
    free(ingest_rig_record("name_1", 1, &n)); /* each of the first nine is as long */
    char *bytes = ingest_rig_bytes(directory, 1, &size);
    bytes[SEGMENT_HEAD + 4 * n + RECORD_HEAD] ^= 1;
    ingest_rig_write(directory, 1, bytes, size);
    free(bytes);
    struct log_bound bound = {.segment = 1, .offset = SEGMENT_HEAD + 5 * n, .sequence = 6, .synced = true};
    struct cursor cursor = {.segment = 1, .offset = SEGMENT_HEAD, .sequence = 1};
    ck_assert_uint_eq(load_all(&cursor, &bound, MOST), 4);
    ck_assert_uint_eq(cursor.offset, bound.offset);
}
END_TEST

START_TEST(a_bound_that_cannot_be_read_is_an_error)
{
    uint64_t end = ingest_rig_segment(directory, 1, 1, 10);
    struct log_bound bound = {.segment = 1, .offset = end + 100, .sequence = 12, .synced = true};
    struct cursor cursor = {.segment = 1, .offset = end, .sequence = 11};
    ck_assert_int_eq(cargo_load(&cargo, &cursor, &bound, MOST), -EBADMSG);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("cargo");
    TCase *all = tcase_create("all");
    tcase_add_checked_fixture(all, setup, teardown);
    tcase_add_test(all, a_cursor_is_read_as_it_was_written);
    tcase_add_test(all, a_cursor_that_is_none_is_told);
    tcase_add_test(all, a_log_has_one_identity);
    tcase_add_test(all, all_segments_up_to_the_bound_are_loaded);
    tcase_add_test(all, a_message_is_the_same_whenever_it_is_made);
    tcase_add_test(all, what_is_too_long_is_left_out_and_counted);
    tcase_add_test(all, damage_is_passed_over_and_counted);
    tcase_add_test(all, damage_does_not_lead_beyond_the_bound);
    tcase_add_test(all, a_bound_that_cannot_be_read_is_an_error);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
