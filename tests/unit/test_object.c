/* Keys, request payloads, list payloads, the five fields, versions and ranges. */
#include "proto/object.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

/* A block of exactly n bytes, so that AddressSanitizer sees a read past them. */
static struct span exact(const void *bytes, size_t n) {
    char *copy = malloc(n ? n : 1);
    if (n > 0)
        memcpy(copy, bytes, n);
    return span_of(copy, n);
}

static const char *check_key(const char *bytes, size_t n) {
    struct span key = exact(bytes, n);
    const char *reason = object_key_check(key);
    free((char *)key.p);
    return reason;
}

START_TEST(good_keys)
{
    static const char *const keys[] = {
        "a",
        "a/b/c",
        ".hidden",
        "a/.b",
        "..a",
        "a..",
        "a/...",
        "with space",
        " ",
        "a.b",
        "-",
        "\\",
        "%2e%2e",
        "\xC3\xA4/\xE2\x82\xAC",
        "\xF0\x9F\x98\x80",
        "a\xC2\x80",
        "\xEF\xBF\xBF",
        "\xF4\x8F\xBF\xBF",
        "~",
        "a:b*c?",
    };
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        ck_assert_msg(check_key(keys[i], strlen(keys[i])) == NULL, "'%s': %s", keys[i],
                      check_key(keys[i], strlen(keys[i])));
}
END_TEST

#define BAD(text, word)                                                                                      \
    { text, sizeof(text) - 1, word }
static const struct {
    const char *bytes;
    size_t n;
    const char *word; /* of the reason */
} bad_keys[] = {
    BAD("", "at least 1 byte"),
    BAD("/", "start with /"),
    BAD("/a", "start with /"),
    BAD("a/", "empty segment"),
    BAD("a//b", "empty segment"),
    BAD("a/b//", "empty segment"),
    BAD(".", "segment . or .."),
    BAD("..", "segment . or .."),
    BAD("./a", "segment . or .."),
    BAD("../a", "segment . or .."),
    BAD("a/.", "segment . or .."),
    BAD("a/..", "segment . or .."),
    BAD("a/../b", "segment . or .."),
    BAD("a/./b", "segment . or .."),
    BAD("a\0b", "control"),
    BAD("a\x1f", "control"),
    BAD("a\nb", "control"),
    BAD("\x01", "control"),
    BAD("a\x7f", "control"),
    BAD("\xFF", "UTF-8"),
    BAD("a\x80", "UTF-8"),
    BAD("\xC3", "UTF-8"),
    BAD("a/\xE2\x82", "UTF-8"),
    BAD("\xC0\xAE\xC0\xAE/x", "UTF-8"),
    BAD("\xE0\x80\xAF", "UTF-8"),
    BAD("\xED\xA0\x80", "UTF-8"),
    BAD("\xF4\x90\x80\x80", "UTF-8"),
};

START_TEST(bad_keys_name_the_rule_they_break)
{
    const char *reason = check_key(bad_keys[_i].bytes, bad_keys[_i].n);
    ck_assert_ptr_nonnull(reason);
    ck_assert_msg(strstr(reason, bad_keys[_i].word), "'%s': %s", bad_keys[_i].bytes, reason);
}
END_TEST

START_TEST(every_byte_value_in_a_key)
{
    for (int value = 0; value < 256; value++) {
        char key[3] = {'a', (char)value, 'b'};
        bool good = value >= 0x20 && value < 0x7f;
        ck_assert_msg((check_key(key, 3) == NULL) == good, "byte 0x%02x", (unsigned)value);
    }
}
END_TEST

START_TEST(key_length_has_its_limit)
{
    char key[OBJECT_KEY_MAX + 1];
    memset(key, 'k', sizeof(key));
    ck_assert_ptr_null(check_key(key, OBJECT_KEY_MAX));
    ck_assert_ptr_nonnull(strstr(check_key(key, OBJECT_KEY_MAX + 1), "1024"));
    memcpy(key + OBJECT_KEY_MAX - 1, "\xC3\xA4", 2); /* the last character crosses the limit */
    ck_assert_ptr_nonnull(check_key(key, OBJECT_KEY_MAX));
    ck_assert_ptr_nonnull(check_key(key, OBJECT_KEY_MAX + 1));
}
END_TEST

START_TEST(request_payload_byte_for_byte)
{
    unsigned char bytes[16 + 3];
    size_t n = object_request_encode(bytes, 0x0102030405060708, 0xF1F2F3F4F5F6F7F8, span_text("k/y"));
    static const unsigned char expected[] = {8,    7,    6,    5,    4,    3,    2,   1,   0xF8, 0xF7,
                                             0xF6, 0xF5, 0xF4, 0xF3, 0xF2, 0xF1, 'k', '/', 'y'};
    ck_assert_uint_eq(n, sizeof(expected));
    ck_assert_mem_eq(bytes, expected, n);
    struct object_request request;
    ck_assert_ptr_null(object_request_decode(span_of(bytes, n), &request));
    ck_assert_uint_eq(request.offset, 0x0102030405060708);
    ck_assert_uint_eq(request.count, 0xF1F2F3F4F5F6F7F8);
    ck_assert(span_equal(request.key, span_text("k/y")));
    ck_assert_ptr_eq(request.key.p, bytes + 16);
}
END_TEST

START_TEST(request_payload_at_every_cut)
{
    unsigned char bytes[16 + 4];
    struct object_request request;
    object_request_encode(bytes, 1, 2, span_text("a/bc"));
    for (size_t n = 0; n <= sizeof(bytes); n++) {
        struct span payload = exact(bytes, n);
        bool good = n == 17 || n >= 19; /* "a", "a/b", "a/bc"; "a/" is no key */
        ck_assert_int_eq(object_request_decode(payload, &request) == NULL, good);
        if (good) {
            ck_assert_uint_eq(request.key.n, n - 16);
            ck_assert_uint_eq(request.offset, 1);
            ck_assert_uint_eq(request.count, 2);
        }
        free((char *)payload.p);
    }
}
END_TEST

static const char *decode_list(const char *text, size_t n, uint64_t offset, uint64_t limit,
                               struct object_list_request *list) {
    static char payload[4096];
    object_request_encode(payload, offset, limit, span_of(text, n));
    return object_list_decode(span_of(payload, 16 + n), list);
}

START_TEST(list_payload_round_trip)
{
    static const struct {
        const char *prefix, *after;
    } rows[] = {{"", ""}, {"a/", ""}, {"", "a/b"}, {"a/b", "a/b/c"}, {"\xC3\xA4", "z"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct object_list_request in = {
            .limit = i + 1, .prefix = span_text(rows[i].prefix), .after = span_text(rows[i].after)};
        struct object_list_request out;
        char bytes[64];
        size_t n = object_list_encode(bytes, &in);
        ck_assert_uint_eq(n, 16 + in.prefix.n + (in.after.n ? 1 + in.after.n : 0));
        struct span payload = exact(bytes, n);
        ck_assert_ptr_null(object_list_decode(payload, &out));
        ck_assert_uint_eq(out.limit, i + 1);
        ck_assert(span_equal(out.prefix, in.prefix));
        ck_assert(span_equal(out.after, in.after));
        free((char *)payload.p);
    }
}
END_TEST

START_TEST(list_numbers)
{
    struct object_list_request list;
    ck_assert_ptr_null(decode_list("", 0, 0, 0, &list));
    ck_assert_uint_eq(list.limit, OBJECT_LIST_USUAL);
    ck_assert_ptr_null(decode_list("", 0, 0, OBJECT_LIST_MAX, &list));
    ck_assert_uint_eq(list.limit, OBJECT_LIST_MAX);
    ck_assert_ptr_nonnull(decode_list("", 0, 0, OBJECT_LIST_MAX + 1, &list));
    ck_assert_ptr_nonnull(decode_list("", 0, 0, UINT64_MAX, &list));
    ck_assert_ptr_nonnull(decode_list("", 0, 1, 10, &list));
    static const char zeros[16];
    for (size_t n = 0; n < 16; n++)
        ck_assert_ptr_nonnull(object_list_decode(span_of(zeros, n), &list));
}
END_TEST

#define TEXT(text, good)                                                                                     \
    { text, sizeof(text) - 1, good }
static const struct {
    const char *bytes;
    size_t n;
    bool good;
} list_texts[] = {
    TEXT("", true),           TEXT("a", true),        TEXT("a/", true),     TEXT("a/.", true),
    TEXT("..", true),         TEXT(".", true),        TEXT("a/..b", true),  TEXT("a/\xE2\x82", true),
    TEXT("a/\xE2", true),     TEXT("\xF0\x9F", true), TEXT("a\0b", true),   TEXT("\0b", true),
    TEXT("/", false),         TEXT("/a", false),      TEXT("a//", false),   TEXT("./", false),
    TEXT("../x", false),      TEXT("a/../", false),   TEXT("a\nb", false),  TEXT("\xFF", false),
    TEXT("a\xED\xA0", false), TEXT("a\0", false),     TEXT("\0", false),    TEXT("a\0/b", false),
    TEXT("a\0b/", false),     TEXT("a\0b\0c", false), TEXT("a\0..", false), TEXT("a\0\xE2\x82", false),
};

START_TEST(list_prefix_may_end_anywhere_and_after_is_a_key)
{
    struct object_list_request list;
    const char *reason = decode_list(list_texts[_i].bytes, list_texts[_i].n, 0, 0, &list);
    ck_assert_msg((reason == NULL) == list_texts[_i].good, "row %d: %s", _i, reason ? reason : "accepted");
}
END_TEST

START_TEST(every_beginning_of_a_key_is_a_prefix)
{
    static const char key[] = ".a/..b/\xC3\xA4\xE2\x82\xAC/\xF0\x9F\x98\x80 c/...";
    struct object_list_request list;
    ck_assert_ptr_null(check_key(key, sizeof(key) - 1));
    for (size_t n = 0; n < sizeof(key); n++)
        ck_assert_ptr_null(decode_list(key, n, 0, 0, &list));
}
END_TEST

START_TEST(fields_byte_for_byte)
{
    struct object_fields in = {.size = 0x0102030405060708,
                               .offset = 0x1112131415161718,
                               .count = 0x2122232425262728,
                               .version = 0xF1F2F3F4F5F6F7F8,
                               .mtime_ns = -2};
    static const unsigned char expected[OBJECT_FIELDS] = {
        8,    7,    6,    5,    4,    3,    2,    1,    0x18, 0x17, 0x16, 0x15, 0x14, 0x13,
        0x12, 0x11, 0x28, 0x27, 0x26, 0x25, 0x24, 0x23, 0x22, 0x21, 0xF8, 0xF7, 0xF6, 0xF5,
        0xF4, 0xF3, 0xF2, 0xF1, 0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
    unsigned char bytes[OBJECT_FIELDS];
    struct object_fields out;
    object_fields_encode(bytes, &in);
    ck_assert_mem_eq(bytes, expected, sizeof(bytes));
    object_fields_decode(bytes, &out);
    ck_assert_mem_eq(&in, &out, sizeof(in));
}
END_TEST

START_TEST(version_depends_on_every_bit_and_place)
{
    uint64_t words[5] = {2049, 1311234, 4096, 1700000000000000000, 1700000000000000001};
    uint64_t seen[5 * 64 + 1];
    size_t n = 0;
    seen[n++] = object_version(words[0], words[1], words[2], (int64_t)words[3], (int64_t)words[4]);
    ck_assert_uint_eq(seen[0],
                      object_version(words[0], words[1], words[2], (int64_t)words[3], (int64_t)words[4]));
    for (int word = 0; word < 5; word++) {
        for (int bit = 0; bit < 64; bit++) {
            words[word] ^= (uint64_t)1 << bit;
            seen[n] = object_version(words[0], words[1], words[2], (int64_t)words[3], (int64_t)words[4]);
            words[word] ^= (uint64_t)1 << bit;
            int changed = __builtin_popcountll(seen[n] ^ seen[0]);
            ck_assert_msg(changed >= 12 && changed <= 52, "bit %d of word %d changes %d bits", bit, word,
                          changed);
            n++;
        }
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t j = i + 1; j < n; j++)
            ck_assert_uint_ne(seen[i], seen[j]);
    }
    ck_assert_uint_ne(object_version(1, 2, 3, 4, 5), object_version(2, 1, 3, 4, 5));
    ck_assert_uint_ne(object_version(1, 2, 3, 4, 5), object_version(1, 2, 3, 5, 4));
}
END_TEST

START_TEST(version_is_the_same_in_every_release)
{
    /* ETags and caches outlive the process: this value may never change. */
    ck_assert_uint_eq(object_version(1, 2, 3, 4, 5), 0x93705FE6FD828529);
    ck_assert_uint_eq(object_version(0, 0, 0, 0, 0), 0xE5420FB03ED38D83);
}
END_TEST

START_TEST(ranges_are_clipped)
{
    static const struct {
        uint64_t size, offset, count, clipped;
        bool good;
    } rows[] = {
        {10, 0, 0, 10, true},
        {10, 0, 10, 10, true},
        {10, 0, 11, 10, true},
        {10, 3, 4, 4, true},
        {10, 3, 0, 7, true},
        {10, 9, 5, 1, true},
        {10, 10, 0, 0, true},
        {10, 10, 5, 0, true},
        {10, 11, 0, 0, false},
        {10, UINT64_MAX, 1, 0, false},
        {0, 0, 0, 0, true},
        {0, 0, 7, 0, true},
        {0, 1, 0, 0, false},
        {5000000000, 4999999999, UINT64_MAX, 1, true},
        {UINT64_MAX, 1, UINT64_MAX, UINT64_MAX - 1, true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t count = rows[i].count;
        ck_assert_int_eq(object_clip(rows[i].size, rows[i].offset, &count), rows[i].good);
        if (rows[i].good)
            ck_assert_uint_eq(count, rows[i].clipped);
    }
}
END_TEST

static TCase *key_tests(void) {
    TCase *tests = tcase_create("keys");
    tcase_add_test(tests, good_keys);
    tcase_add_loop_test(tests, bad_keys_name_the_rule_they_break, 0, sizeof(bad_keys) / sizeof(bad_keys[0]));
    tcase_add_test(tests, every_byte_value_in_a_key);
    tcase_add_test(tests, key_length_has_its_limit);
    return tests;
}

static TCase *payload_tests(void) {
    TCase *tests = tcase_create("payloads");
    tcase_add_test(tests, request_payload_byte_for_byte);
    tcase_add_test(tests, request_payload_at_every_cut);
    tcase_add_test(tests, list_payload_round_trip);
    tcase_add_test(tests, list_numbers);
    tcase_add_loop_test(tests, list_prefix_may_end_anywhere_and_after_is_a_key, 0,
                        sizeof(list_texts) / sizeof(list_texts[0]));
    tcase_add_test(tests, every_beginning_of_a_key_is_a_prefix);
    tcase_add_test(tests, fields_byte_for_byte);
    return tests;
}

static TCase *object_tests(void) {
    TCase *tests = tcase_create("versions and ranges");
    tcase_add_test(tests, version_depends_on_every_bit_and_place);
    tcase_add_test(tests, version_is_the_same_in_every_release);
    tcase_add_test(tests, ranges_are_clipped);
    return tests;
}

int main(void) {
    Suite *suite = suite_create("object");
    suite_add_tcase(suite, key_tests());
    suite_add_tcase(suite, payload_tests());
    suite_add_tcase(suite, object_tests());
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
