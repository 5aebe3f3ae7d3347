/* The draft of a reply: the last word counts, nothing gets through that would break a message. */
#include "handlers/http/draft.h"

#include "handlers/http/json_text.h"

#include <check.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static struct draft draft;

static void setup(void) {
    draft_init(&draft);
}

static void teardown(void) {
    draft_drop(&draft);
}

static void assert_body(const char *text) {
    ck_assert_int_eq(draft.kind, DRAFT_BYTES);
    ck_assert_uint_eq(draft.size, strlen(text));
    ck_assert_mem_eq(draft_at(&draft), text, draft.size);
}

static void assert_lines(const char *lines, size_t n, const char *text) {
    ck_assert_uint_eq(n, strlen(text));
    ck_assert_mem_eq(lines, text, n);
}

static void assert_type(const char *line) {
    assert_lines(draft.type, draft.type_n, line);
}

/* ---- status and body ----------------------------------------------------------------------------- */

START_TEST(a_body_means_200_unless_a_status_was_said)
{
    ck_assert_int_eq(draft.status, 0);
    ck_assert_int_eq(draft_bytes(&draft, "text/plain", "abc", 3), 0);
    ck_assert_int_eq(draft.status, 200);
    assert_body("abc");
    draft_status(&draft, 201);
    ck_assert_int_eq(draft_bytes(&draft, NULL, "d", 1), 0);
    ck_assert_int_eq(draft.status, 201);
    assert_type("Content-Type: text/plain\r\n");
    assert_body("d");
}
END_TEST

START_TEST(a_status_that_is_none_is_an_error_of_ours)
{
    static const int wrong[] = {0, 99, 100, 101, 199, 600, -1, 70000};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        draft_status(&draft, wrong[i]);
        ck_assert_int_eq(draft.status, 500);
    }
}
END_TEST

START_TEST(bodies_of_every_size_are_copied)
{
    for (size_t n = 0; n < 3 * DRAFT_SMALL; n++) {
        char *bytes = malloc(n + 1);
        ck_assert_ptr_nonnull(bytes);
        memset(bytes, 'x', n);
        bytes[n] = '\0';
        ck_assert_int_eq(draft_bytes(&draft, "a/b", bytes, n), 0);
        assert_body(bytes);
        free(bytes);
    }
}
END_TEST

START_TEST(given_bytes_are_kept_where_they_are)
{
    char *bytes = strdup("given");
    ck_assert_int_eq(draft_owned(&draft, "a/b", bytes, 5), 0);
    ck_assert_ptr_eq(draft_at(&draft), bytes);
    ck_assert_int_eq(draft_bytes(&draft, "a/b", "other", 5), 0);
    assert_body("other");
}
END_TEST

static int format(const char *text, ...) {
    va_list values;
    va_start(values, text);
    int result = draft_format(&draft, "text/plain", text, values);
    va_end(values);
    return result;
}

START_TEST(short_and_long_texts_are_formatted)
{
    char wide[2 * DRAFT_SMALL + 1];
    ck_assert_int_eq(format("%d and %s", 7, "eight"), 0);
    assert_body("7 and eight");
    memset(wide, 'w', sizeof(wide) - 1);
    wide[sizeof(wide) - 1] = '\0';
    ck_assert_int_eq(format("%s", wide), 0);
    assert_body(wide);
    wide[DRAFT_SMALL] = '\0';
    ck_assert_int_eq(format("%s", wide), 0);
    assert_body(wide);
}
END_TEST

START_TEST(errors_are_json_whatever_the_message)
{
    json_t *error;
    draft_error(&draft, 404, "no \"such\"\nthing \xff");
    error = json_loadb(draft_at(&draft), draft.size, 0, NULL);
    ck_assert_ptr_nonnull(error);
    ck_assert_str_eq(json_string_value(json_object_get(error, "error")), "NOT_FOUND");
    ck_assert_str_eq(json_string_value(json_object_get(error, "message")), "no \"such\"\nthing \xc3\xbf");
    json_decref(error);
    draft_error(&draft, 404, NULL);
    assert_body("{\"error\":\"NOT_FOUND\",\"message\":\"\"}\n");
    ck_assert_int_eq(draft.status, 404);
    assert_type("Content-Type: application/json\r\n");
    ck_assert(!draft.retry);
    draft_error(&draft, 503, "later");
    ck_assert(draft.retry);
    draft_bytes(&draft, "a/b", "", 0);
    ck_assert(!draft.retry);
}
END_TEST

/* ---- fields -------------------------------------------------------------------------------------- */

START_TEST(fields_are_kept_in_order)
{
    ck_assert_int_eq(draft_field(&draft, "X-One", "1"), 0);
    ck_assert_int_eq(draft_field(&draft, "X-Two", ""), 0);
    ck_assert_int_eq(draft_field(&draft, "X-One", "a b"), 0);
    assert_lines(draft.fields, draft.fields_n, "X-One: 1\r\nX-Two: \r\nX-One: a b\r\n");
}
END_TEST

START_TEST(content_type_is_said_once)
{
    ck_assert_int_eq(draft_field(&draft, "content-type", "text/html"), 0);
    ck_assert_int_eq(draft_bytes(&draft, NULL, "x", 1), 0);
    assert_type("Content-Type: text/html\r\n");
    ck_assert_int_eq(draft_bytes(&draft, "text/css", "x", 1), 0);
    assert_type("Content-Type: text/css\r\n");
    ck_assert_uint_eq(draft.fields_n, 0);
}
END_TEST

START_TEST(a_type_that_is_none_is_left_out)
{
    char longest[DRAFT_TYPE];
    size_t most = DRAFT_TYPE - strlen("Content-Type: \r\n");
    memset(longest, 't', most + 1);
    longest[most + 1] = '\0';
    ck_assert_int_eq(draft_bytes(&draft, "text/plain\r\nX-Evil: 1", "x", 1), -1);
    assert_type("");
    assert_body("x");
    ck_assert_int_eq(draft_bytes(&draft, longest, "x", 1), -1);
    assert_type("");
    longest[most] = '\0';
    ck_assert_int_eq(draft_bytes(&draft, longest, "x", 1), 0);
    ck_assert_uint_eq(draft.type_n, DRAFT_TYPE);
}
END_TEST

static const struct {
    const char *name, *value;
} refused[] = {
    {NULL, "x"},
    {"X", NULL},
    {"Content-Type", NULL},
    {"", "x"},
    {"X Y", "x"},
    {"X:", "x"},
    {"X\r\n", "x"},
    {"X", "a\r\nSet-Cookie: b"},
    {"X", "a\nb"},
    {"X", "a\x7f"},
    {"Content-Length", "0"},
    {"content-LENGTH", "0"},
    {"Transfer-Encoding", "chunked"},
    {"Connection", "close"},
    {"Keep-Alive", "timeout=5"},
    {"Date", "today"},
    {"Upgrade", "h2c"},
    {"Trailer", "X"},
    {"TE", "trailers"},
    {"Proxy-Connection", "close"},
    {"Sluice-Fds", "1"},
};

START_TEST(what_would_break_or_frame_a_message_is_refused)
{
    ck_assert_int_eq(draft_field(&draft, refused[_i].name, refused[_i].value), -1);
    ck_assert_uint_eq(draft.fields_n, 0);
}
END_TEST

START_TEST(fields_are_bounded_as_they_will_be_sent)
{
    unsigned count = 0;
    while (draft_field(&draft, "n", "v") == 0)
        count++;
    ck_assert_uint_eq(count, DRAFT_FIELDS / strlen("n: v\r\n"));
}
END_TEST

/* ---- sources ------------------------------------------------------------------------------------- */

static void count_drop(void *state) {
    ++*(int *)state;
}

START_TEST(a_source_that_is_not_sent_is_dropped_once)
{
    int dropped = 0;
    struct sluice_source source = {.drop = count_drop, .state = &dropped};
    draft_source(&draft, "text/plain", &source);
    ck_assert_int_eq(draft.kind, DRAFT_SOURCE);
    ck_assert_int_eq(dropped, 0);
    draft_bytes(&draft, "text/plain", "instead", 7);
    ck_assert_int_eq(dropped, 1);
    draft_source(&draft, "text/plain", &source);
    draft_drop(&draft);
    ck_assert_int_eq(dropped, 2);
    draft_drop(&draft);
    ck_assert_int_eq(dropped, 2);
}
END_TEST

/* ---- JSON texts ---------------------------------------------------------------------------------- */

START_TEST(every_byte_comes_back_from_its_json_text)
{
    for (unsigned c = 0; c < 256; c++) {
        char bytes[] = {'a', (char)c, 'z'}, quoted[64], want[8];
        size_t n = json_text_quote(span_of(bytes, 3), quoted);
        ck_assert_uint_le(n, json_text_room(3));
        json_t *text = json_loadb(quoted, n, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        ck_assert_msg(text != NULL, "byte %u", c);
        size_t want_n = 0;
        want[want_n++] = 'a';
        if (c >= 0x80)
            want[want_n++] = (char)(0xc0 | c >> 6);
        want[want_n++] = (char)(c >= 0x80 ? 0x80 | (c & 0x3f) : c);
        want[want_n++] = 'z';
        ck_assert_uint_eq(json_string_length(text), want_n);
        ck_assert_mem_eq(json_string_value(text), want, want_n);
        json_decref(text);
    }
}
END_TEST

START_TEST(utf8_stays_as_it_is)
{
    static const char text[] = "ünï ✓ \xf0\x9f\x98\x80";
    char quoted[256];
    size_t n = json_text_quote(span_text(text), quoted);
    ck_assert_uint_eq(n, sizeof(text) + 1);
    ck_assert_mem_eq(quoted + 1, text, sizeof(text) - 1);
}
END_TEST

START_TEST(the_longest_json_text_fits_its_room)
{
    char bytes[100], *quoted = malloc(json_text_room(sizeof(bytes)));
    ck_assert_ptr_nonnull(quoted);
    memset(bytes, 1, sizeof(bytes));
    ck_assert_uint_eq(json_text_quote(span_of(bytes, sizeof(bytes)), quoted), json_text_room(sizeof(bytes)));
    free(quoted);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("draft");
    TCase *all = tcase_create("draft");
    tcase_add_checked_fixture(all, setup, teardown);
    tcase_add_test(all, a_body_means_200_unless_a_status_was_said);
    tcase_add_test(all, a_status_that_is_none_is_an_error_of_ours);
    tcase_add_test(all, bodies_of_every_size_are_copied);
    tcase_add_test(all, given_bytes_are_kept_where_they_are);
    tcase_add_test(all, short_and_long_texts_are_formatted);
    tcase_add_test(all, errors_are_json_whatever_the_message);
    tcase_add_test(all, fields_are_kept_in_order);
    tcase_add_test(all, content_type_is_said_once);
    tcase_add_test(all, a_type_that_is_none_is_left_out);
    tcase_add_loop_test(all, what_would_break_or_frame_a_message_is_refused, 0,
                        (int)(sizeof(refused) / sizeof(refused[0])));
    tcase_add_test(all, fields_are_bounded_as_they_will_be_sent);
    tcase_add_test(all, a_source_that_is_not_sent_is_dropped_once);
    tcase_add_test(all, every_byte_comes_back_from_its_json_text);
    tcase_add_test(all, utf8_stays_as_it_is);
    tcase_add_test(all, the_longest_json_text_fits_its_room);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
