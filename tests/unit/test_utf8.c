/* Strict UTF-8 against a second definition: encode every code point, and nothing else is well formed. */
#include "proto/utf8.h"

#include <check.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static size_t encode(uint32_t code, char *out) {
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    size_t n = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const uint8_t leads[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = n - 1; i > 0; i--, code >>= 6)
        out[i] = (char)(0x80 | (code & 0x3F));
    out[0] = (char)(leads[n] | code);
    return n;
}

/* check notes every assertion that holds, too slowly for a million of them: these loops look first. */

START_TEST(every_code_point_and_every_cut_of_it)
{
    for (uint32_t code = 0; code <= 0x110000; code++) {
        char bytes[4];
        size_t n = encode(code, bytes);
        bool valid = code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF);
        int step = utf8_step(bytes, n);
        if (step != (valid ? (int)n : -1))
            ck_abort_msg("U+%04X: %d", code, step);
        for (size_t cut = 0; valid && cut < n; cut++) {
            if (utf8_step(bytes, cut) != 0)
                ck_abort_msg("U+%04X cut to %zu bytes: %d", code, cut, utf8_step(bytes, cut));
        }
    }
}
END_TEST

/* Decodes without any rule but the shape; a well-formed character encodes back to the same bytes. */
static bool is_canonical(const char *bytes, size_t n) {
    static const uint8_t masks[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    uint32_t code = (uint8_t)bytes[0] & masks[n];
    for (size_t i = 1; i < n; i++)
        code = code << 6 | ((uint8_t)bytes[i] & 0x3F);
    char again[4];
    return code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF) && encode(code, again) == n &&
           memcmp(again, bytes, n) == 0;
}

START_TEST(nothing_else_is_well_formed)
{
    for (uint32_t i = 0; i <= 0xFFFF; i++) {
        for (int tail = 0x7F; tail <= 0xC0; tail += tail == 0x7F || tail == 0xBF ? 1 : 0x3F) {
            char bytes[4] = {(char)(i >> 8), (char)i, (char)tail, (char)tail};
            int step = utf8_step(bytes, sizeof(bytes));
            if (step == 0 || (step > 0 && !is_canonical(bytes, (size_t)step)))
                ck_abort_msg("%04X %02X %02X: %d", i, tail, tail, step);
        }
    }
}
END_TEST

START_TEST(bad_beginnings_are_bad_before_their_end)
{
    static const char *const beginnings[] = {"\x80",     "\xBF",     "\xC0",     "\xC1",
                                             "\xF5",     "\xFF",     "\xE0\x9F", "\xED\xA0",
                                             "\xF0\x8F", "\xF4\x90", "\xC3\x28"};
    for (size_t i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]); i++)
        ck_assert_int_eq(utf8_step(beginnings[i], strlen(beginnings[i])), -1);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("utf8");
    TCase *tests = tcase_create("utf8");
    tcase_add_test(tests, every_code_point_and_every_cut_of_it);
    tcase_add_test(tests, nothing_else_is_well_formed);
    tcase_add_test(tests, bad_beginnings_are_bad_before_their_end);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
