/* The 16-byte header: every field, every cut, every limit. */
#include "proto/frame.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static const struct frame sample = {
    .op = 'F', .flags = 1, .status = 13, .nfds = 2, .tag = 0x01020304, .length = 0x0A0B};
static const unsigned char sample_bytes[FRAME_HEADER] = {'S', 'L', 'C', '1', 'F',  1,    13, 2,
                                                         4,   3,   2,   1,   0x0B, 0x0A, 0,  0};

START_TEST(encodes_byte_for_byte)
{
    unsigned char bytes[FRAME_HEADER + 1] = {[FRAME_HEADER] = 0xEE};
    frame_encode(bytes, FRAME_SLC1, &sample);
    ck_assert_mem_eq(bytes, sample_bytes, FRAME_HEADER);
    ck_assert_uint_eq(bytes[FRAME_HEADER], 0xEE);
    frame_encode(bytes, FRAME_MCP1, &sample);
    ck_assert_mem_eq(bytes, "MCP1", 4);
    ck_assert_mem_eq(bytes + 4, sample_bytes + 4, FRAME_HEADER - 4);
}
END_TEST

START_TEST(decodes_every_field)
{
    struct frame frame;
    unsigned char bytes[FRAME_HEADER + 0x0A0B] = {0};
    memcpy(bytes, sample_bytes, FRAME_HEADER);
    struct verdict verdict = frame_decode(bytes, sizeof(bytes), FRAME_SLC1, FRAME_SLC1_REQUEST, &frame);
    ck_assert_int_eq(verdict.kind, VERDICT_FRAME);
    ck_assert_uint_eq(verdict.n, sizeof(bytes));
    ck_assert_int_eq(frame.op, 'F');
    ck_assert_int_eq(frame.flags, 1);
    ck_assert_int_eq(frame.status, 13);
    ck_assert_int_eq(frame.nfds, 2);
    ck_assert_uint_eq(frame.tag, 0x01020304);
    ck_assert_uint_eq(frame.length, 0x0A0B);
}
END_TEST

START_TEST(extremes_survive_the_round_trip)
{
    static const uint32_t values[] = {0, 1, 0x80, 0xFF, 0x8000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF};
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        uint8_t low = (uint8_t)values[i];
        struct frame in = {
            .op = low, .flags = low, .status = low, .nfds = low, .tag = values[i], .length = values[i]};
        struct frame out = {0};
        unsigned char bytes[FRAME_HEADER];
        frame_encode(bytes, FRAME_MCP1, &in);
        struct verdict verdict = frame_decode(bytes, sizeof(bytes), FRAME_MCP1, UINT32_MAX, &out);
        ck_assert_int_eq(verdict.kind, values[i] ? VERDICT_MORE : VERDICT_FRAME);
        ck_assert_uint_eq(verdict.n, FRAME_HEADER + (size_t)values[i]);
        ck_assert_mem_eq(&in, &out, sizeof(in));
    }
}
END_TEST

START_TEST(every_cut_asks_for_what_is_missing)
{
    unsigned char whole[FRAME_HEADER + 20 + 5] = {0}; /* 5 bytes of the next frame */
    struct frame in = {.op = 'C', .tag = 7, .length = 20};
    frame_encode(whole, FRAME_SLC1, &in);
    for (size_t n = 0; n <= sizeof(whole); n++) {
        unsigned char *bytes = malloc(n ? n : 1);
        memcpy(bytes, whole, n);
        struct frame out = {.op = 'x'};
        struct verdict verdict = frame_decode(bytes, n, FRAME_SLC1, FRAME_SLC1_REQUEST, &out);
        ck_assert_int_eq(verdict.kind, n < FRAME_HEADER + 20 ? VERDICT_MORE : VERDICT_FRAME);
        ck_assert_uint_eq(verdict.n, n < FRAME_HEADER ? FRAME_HEADER : FRAME_HEADER + 20);
        ck_assert_int_eq(out.op, n < FRAME_HEADER ? 'x' : 'C');
        free(bytes);
    }
}
END_TEST

START_TEST(wrong_magic_is_bad_from_its_first_wrong_byte)
{
    for (size_t wrong = 0; wrong < 4; wrong++) {
        unsigned char bytes[FRAME_HEADER];
        memcpy(bytes, sample_bytes, sizeof(bytes));
        bytes[wrong] ^= 0x20;
        for (size_t n = 0; n <= sizeof(bytes); n++) {
            struct frame out = {.op = 'x'};
            struct verdict verdict = frame_decode(bytes, n, FRAME_SLC1, FRAME_SLC1_REQUEST, &out);
            ck_assert_int_eq(verdict.kind, n <= wrong ? VERDICT_MORE : VERDICT_BAD);
            if (verdict.kind == VERDICT_BAD) {
                ck_assert_int_eq(verdict.status, STATUS_BAD_REQUEST);
                ck_assert_ptr_nonnull(verdict.reason);
            }
            ck_assert_int_eq(out.op, 'x');
        }
    }
}
END_TEST

START_TEST(the_two_magics_do_not_mix)
{
    struct frame out;
    unsigned char bytes[FRAME_HEADER];
    frame_encode(bytes, FRAME_MCP1, &(struct frame){.op = 'J'});
    ck_assert_int_eq(frame_decode(bytes, sizeof(bytes), FRAME_SLC1, 10, &out).kind, VERDICT_BAD);
    ck_assert_int_eq(frame_decode(bytes, sizeof(bytes), FRAME_MCP1, 10, &out).kind, VERDICT_FRAME);
}
END_TEST

START_TEST(length_is_judged_from_the_header_alone)
{
    static const struct {
        uint32_t length;
        enum verdict_kind kind;
    } rows[] = {
        {FRAME_SLC1_REQUEST - 1, VERDICT_MORE},
        {FRAME_SLC1_REQUEST, VERDICT_MORE},
        {FRAME_SLC1_REQUEST + 1, VERDICT_BAD},
        {UINT32_MAX, VERDICT_BAD},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct frame in = {.op = 'A', .tag = 99, .length = rows[i].length}, out = {0};
        unsigned char bytes[FRAME_HEADER];
        frame_encode(bytes, FRAME_SLC1, &in);
        struct verdict verdict = frame_decode(bytes, sizeof(bytes), FRAME_SLC1, FRAME_SLC1_REQUEST, &out);
        ck_assert_int_eq(verdict.kind, rows[i].kind);
        if (verdict.kind == VERDICT_BAD)
            ck_assert_int_eq(verdict.status, STATUS_TOO_LARGE);
        ck_assert_int_eq(out.op, 'A'); /* for the error reply */
        ck_assert_uint_eq(out.tag, 99);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("frame");
    TCase *tests = tcase_create("frame");
    tcase_add_test(tests, encodes_byte_for_byte);
    tcase_add_test(tests, decodes_every_field);
    tcase_add_test(tests, extremes_survive_the_round_trip);
    tcase_add_test(tests, every_cut_asks_for_what_is_missing);
    tcase_add_test(tests, wrong_magic_is_bad_from_its_first_wrong_byte);
    tcase_add_test(tests, the_two_magics_do_not_mix);
    tcase_add_test(tests, length_is_judged_from_the_header_alone);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
