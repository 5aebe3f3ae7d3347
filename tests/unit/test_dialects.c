/* The load generator's protocols: what it asks for, and what it accepts as an answer. */
#include "proto/frame.h"
#include "proto/little.h"
#include "proto/object.h"
#include "tools/bench/arguments.h"
#include "tools/bench/dialect.h"

#include <check.h>
#include <stdlib.h>

static struct bench_settings settings;
static struct plan plan;

static void prepare(const char *mode, const char *option, const char *value) {
    char *argv[] = {(char *)"sluice-bench", (char *)"-s", (char *)"tcp:127.0.0.1:80",
                    (char *)"--mode",       (char *)mode, (char *)option,
                    (char *)value,          NULL};
    char why[256] = "";
    ck_assert_int_eq(bench_arguments(&settings, 7, argv, stdout, stderr), ARGUMENTS_LOAD);
    ck_assert_msg(plan_make(&plan, &settings, why, sizeof(why)) == 0, "%s", why);
}

static void teardown(void) {
    plan_free(&plan);
    bench_settings_free(&settings);
}

/* ---- SLC1 ---------------------------------------------------------------------------------------- */

struct answer {
    char bytes[FRAME_HEADER + 4096];
    size_t n;
};

static struct answer frame_answer(struct frame frame, const void *payload, size_t n) {
    struct answer answer = {.n = FRAME_HEADER + n};
    frame.length = (uint32_t)n;
    frame_encode(answer.bytes, FRAME_SLC1, &frame);
    if (n)
        memcpy(answer.bytes + FRAME_HEADER, payload, n);
    return answer;
}

static struct answer object_answer(uint8_t op, uint8_t nfds, uint32_t tag, uint64_t size) {
    char fields[OBJECT_FIELDS];
    const struct object_fields values = {.size = size, .count = size, .version = 99};
    object_fields_encode(fields, &values);
    return frame_answer((struct frame){.op = op, .nfds = nfds, .tag = tag}, fields, sizeof(fields));
}

static struct reply judge(const struct answer *answer, size_t n, uint8_t asked, uint32_t tag) {
    const struct exchange exchange = {.op = asked};
    struct reply reply;
    plan.dialect->decode(&plan, span_of(answer->bytes, n), &exchange, tag, &reply);
    return reply;
}

START_TEST(an_object_by_descriptor)
{
    prepare("fdpass", "--key", "a");
    struct answer answer = object_answer('F', 1, 7, 1000);
    struct reply reply = judge(&answer, answer.n, 'F', 7);
    ck_assert_int_eq(reply.kind, VERDICT_FRAME);
    ck_assert(reply.ok && reply.keyed && !reply.last);
    ck_assert_uint_eq(reply.n, answer.n);
    ck_assert_uint_eq(reply.fds, 1);
    ck_assert_uint_eq(reply.body, 1000);
    ck_assert_uint_eq(reply.version, 99);
}
END_TEST

START_TEST(every_cut_of_a_head_needs_more)
{
    prepare("copy", "--key", "a");
    struct answer answer = object_answer('C', 0, 1, 10);
    for (size_t n = 0; n < answer.n; n++)
        ck_assert_int_eq(judge(&answer, n, 'C', 1).kind, VERDICT_MORE);
    ck_assert_int_eq(judge(&answer, answer.n, 'C', 1).kind, VERDICT_FRAME);
}
END_TEST

START_TEST(auto_may_come_as_anything)
{
    prepare("auto", "--key", "a");
    struct answer by_fd = object_answer('F', 1, 1, 10), by_bytes = object_answer('S', 0, 1, 10);
    ck_assert_uint_eq(judge(&by_fd, by_fd.n, 'A', 1).fds, 1);
    ck_assert_uint_eq(judge(&by_bytes, by_bytes.n, 'A', 1).fds, 0);
    ck_assert(judge(&by_bytes, by_bytes.n, 'A', 1).ok);
}
END_TEST

START_TEST(replies_that_are_not_ours_are_malformed)
{
    prepare("copy", "--key", "a");
    struct answer tag = object_answer('C', 0, 2, 10), op = object_answer('S', 0, 1, 10),
                  fd = object_answer('C', 1, 1, 10), no_fd = object_answer('F', 0, 1, 10),
                  fields = frame_answer((struct frame){.op = 'C', .tag = 1}, "short", 5), range;
    ck_assert_int_eq(judge(&tag, tag.n, 'C', 1).kind, VERDICT_BAD);
    ck_assert_int_eq(judge(&op, op.n, 'C', 1).kind, VERDICT_BAD);
    ck_assert_int_eq(judge(&fd, fd.n, 'C', 1).kind, VERDICT_BAD);
    ck_assert_int_eq(judge(&no_fd, no_fd.n, 'F', 1).kind, VERDICT_BAD);
    ck_assert_int_eq(judge(&fields, fields.n, 'C', 1).kind, VERDICT_BAD);
    range = object_answer('C', 0, 1, 10);
    little_put64(range.bytes + FRAME_HEADER + 16, 9); /* count */
    ck_assert_int_eq(judge(&range, range.n, 'C', 1).kind, VERDICT_BAD);
    tag.bytes[0] = 'X';
    ck_assert_int_eq(judge(&tag, tag.n, 'C', 2).kind, VERDICT_BAD);
}
END_TEST

START_TEST(an_error_is_a_reply_with_a_status)
{
    prepare("copy", "--key", "a");
    struct answer answer = frame_answer((struct frame){.op = 'C', .tag = 1, .status = 8}, "busy", 4);
    struct reply reply = judge(&answer, answer.n, 'C', 1);
    char word[32];
    ck_assert_int_eq(reply.kind, VERDICT_FRAME);
    ck_assert(!reply.ok && !reply.last);
    ck_assert_uint_eq(reply.body, 0);
    plan.dialect->status_word(reply.status, word, sizeof(word));
    ck_assert_str_eq(word, "BUSY");
}
END_TEST

START_TEST(a_ping_must_bring_the_same_bytes_back)
{
    prepare("ping", "--size", "5");
    struct answer same = frame_answer((struct frame){.op = 'N', .tag = 1}, "xxxxx", 5),
                  other = frame_answer((struct frame){.op = 'N', .tag = 1}, "xxxxy", 5),
                  shorter = frame_answer((struct frame){.op = 'N', .tag = 1}, "xxxx", 4);
    ck_assert(judge(&same, same.n, 'N', 1).ok);
    ck_assert_int_eq(judge(&same, same.n, 'N', 1).kind, VERDICT_FRAME);
    ck_assert_int_eq(judge(&other, other.n, 'N', 1).kind, VERDICT_BAD);
    ck_assert_int_eq(judge(&shorter, shorter.n, 'N', 1).kind, VERDICT_BAD);
}
END_TEST

/* ---- HTTP ---------------------------------------------------------------------------------------- */

static struct reply judge_http(const char *text) {
    const struct exchange exchange = {0};
    struct reply reply;
    plan.dialect->decode(&plan, span_text(text), &exchange, 0, &reply);
    return reply;
}

START_TEST(an_http_reply_says_what_follows_it)
{
    prepare("http", "--key", "/a");
    struct reply reply = judge_http("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    ck_assert_int_eq(reply.kind, VERDICT_FRAME);
    ck_assert(reply.ok && !reply.last && !reply.chunked && !reply.until_close && !reply.interim);
    ck_assert_uint_eq(reply.body, 5);
    reply = judge_http("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    ck_assert(reply.chunked && !reply.last);
    reply = judge_http("HTTP/1.0 200 OK\r\n\r\n");
    ck_assert(reply.until_close && reply.last);
    reply = judge_http("HTTP/1.1 100 Continue\r\n\r\n");
    ck_assert(reply.interim);
    reply = judge_http("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    ck_assert(reply.last && reply.body == 0);
    reply = judge_http("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nSluice-Fds: 1\r\n\r\n");
    ck_assert_uint_eq(reply.fds, 1);
}
END_TEST

START_TEST(http_errors_and_nonsense_are_told_apart)
{
    prepare("http", "--key", "/a");
    struct reply reply = judge_http("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\n");
    ck_assert_int_eq(reply.kind, VERDICT_FRAME);
    ck_assert(!reply.ok);
    ck_assert_uint_eq(reply.status, 503);
    ck_assert_uint_eq(reply.body, 4);
    ck_assert_int_eq(judge_http("SLC1 what is this\r\n\r\n").kind, VERDICT_BAD);
    ck_assert_int_eq(judge_http("HTTP/1.1 200 OK\r\nContent-Le").kind, VERDICT_MORE);
}
END_TEST

START_TEST(a_reply_to_head_has_no_body)
{
    prepare("http", "--method", "HEAD");
    struct reply reply = judge_http("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
    ck_assert_uint_eq(reply.body, 0);
    ck_assert(reply.ok);
}
END_TEST

/* ---- JSON-RPC ------------------------------------------------------------------------------------ */

static struct reply judge_rpc(const char *text) {
    struct reply reply;
    const struct exchange exchange = {0};
    dialect_rpc.decode(&plan, span_text(text), &exchange, 0, &reply);
    return reply;
}

START_TEST(a_call_has_a_result_or_failed)
{
    prepare("mcp", "--over", "line");
    const char *good = "{\"jsonrpc\":\"2.0\",\"result\":{\"isError\":false},\"id\":1}\n";
    struct reply reply = judge_rpc(good);
    ck_assert(reply.kind == VERDICT_FRAME && reply.ok && reply.n == strlen(good));
    ck_assert_int_eq(judge_rpc("{\"jsonrpc\":\"2.0\",\"resul").kind, VERDICT_MORE);
    ck_assert(!judge_rpc("{\"jsonrpc\":\"2.0\",\"result\":{\"isError\":true},\"id\":1}\n").ok);
    ck_assert(!judge_rpc("{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32601},\"id\":1}\n").ok);
}
END_TEST

START_TEST(a_response_counts_when_its_body_is_there)
{
    prepare("mcp", "--over", "http");
    const char *head = "HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n";
    char text[128];
    ck_assert_int_eq(judge_rpc(head).kind, VERDICT_MORE);
    snprintf(text, sizeof(text), "%s{\"result\":{}}", head);
    struct reply reply = judge_rpc(text);
    ck_assert(reply.kind == VERDICT_FRAME && reply.ok && reply.n == strlen(text));
    ck_assert_int_eq(judge_rpc("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").kind, VERDICT_BAD);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("dialects");
    TCase *tests = tcase_create("dialects");
    tcase_add_checked_fixture(tests, NULL, teardown);
    tcase_add_test(tests, an_object_by_descriptor);
    tcase_add_test(tests, every_cut_of_a_head_needs_more);
    tcase_add_test(tests, auto_may_come_as_anything);
    tcase_add_test(tests, replies_that_are_not_ours_are_malformed);
    tcase_add_test(tests, an_error_is_a_reply_with_a_status);
    tcase_add_test(tests, a_ping_must_bring_the_same_bytes_back);
    tcase_add_test(tests, an_http_reply_says_what_follows_it);
    tcase_add_test(tests, http_errors_and_nonsense_are_told_apart);
    tcase_add_test(tests, a_reply_to_head_has_no_body);
    tcase_add_test(tests, a_call_has_a_result_or_failed);
    tcase_add_test(tests, a_response_counts_when_its_body_is_there);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
