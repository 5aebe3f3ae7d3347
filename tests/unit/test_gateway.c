/* The gateway's rules, without sockets: breakers, outliers, budgets, learned keep-alive, heads. */
#include "handlers/gateway/breaker.h"
#include "handlers/gateway/budget.h"
#include "handlers/gateway/forward.h"
#include "handlers/gateway/keepalive.h"
#include "handlers/gateway/outlier.h"
#include "handlers/gateway/replay.h"
#include "handlers/gateway/route.h"
#include "handlers/gateway/server.h"
#include "reactor/loop.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- breaker ----------------------------------------------------------------------------------- */

static const struct breaker_rule rule = {.ratio = 50, .least = 4, .window = 10, .open = 5};

static void book(struct breaker *breaker, int good, int bad, double now) {
    for (int i = 0; i < good; i++)
        breaker_leave(breaker, &rule, breaker->epoch, true, now);
    for (int i = 0; i < bad; i++)
        breaker_leave(breaker, &rule, breaker->epoch, false, now);
}

START_TEST(breaker_opens_by_ratio)
{
    struct breaker breaker = {0};
    book(&breaker, 0, 3, 1);
    ck_assert_int_eq(breaker.state, BREAKER_CLOSED); /* too few to judge */
    book(&breaker, 4, 0, 1);
    ck_assert_int_eq(breaker.state, BREAKER_CLOSED); /* 3 of 7 */
    book(&breaker, 0, 1, 1);
    ck_assert_int_eq(breaker.state, BREAKER_OPEN); /* 4 of 8 */
    ck_assert(!breaker_admits(&breaker, &rule, 5.9));
}
END_TEST

START_TEST(breaker_lets_one_try)
{
    struct breaker breaker = {0};
    book(&breaker, 0, 4, 1);
    ck_assert(breaker_admits(&breaker, &rule, 6));
    unsigned epoch = breaker_enter(&breaker, &rule, 6);
    ck_assert_int_eq(breaker.state, BREAKER_HALF_OPEN);
    ck_assert(!breaker_admits(&breaker, &rule, 6));
    breaker_abandon(&breaker, epoch); /* its client left: the next one tries */
    ck_assert(breaker_admits(&breaker, &rule, 6));
    epoch = breaker_enter(&breaker, &rule, 6);
    breaker_leave(&breaker, &rule, epoch, false, 7);
    ck_assert_int_eq(breaker.state, BREAKER_OPEN);
    ck_assert(!breaker_admits(&breaker, &rule, 11.9));
    epoch = breaker_enter(&breaker, &rule, 12);
    breaker_leave(&breaker, &rule, epoch, true, 12);
    ck_assert_int_eq(breaker.state, BREAKER_CLOSED);
    book(&breaker, 0, 3, 12);
    ck_assert_int_eq(breaker.state, BREAKER_CLOSED); /* what was before is forgotten */
}
END_TEST

START_TEST(breaker_closes_when_an_answer_begins)
{
    struct breaker breaker = {0};
    unsigned before = breaker_enter(&breaker, &rule, 1);
    breaker_began(&breaker, before, 1);
    book(&breaker, 0, 4, 1);
    ck_assert_int_eq(breaker.state, BREAKER_OPEN);
    unsigned epoch = breaker_enter(&breaker, &rule, 6);
    breaker_began(&breaker, epoch, 6);
    ck_assert_int_eq(breaker.state, BREAKER_CLOSED);
    ck_assert(breaker_admits(&breaker, &rule, 6));
    breaker_leave(&breaker, &rule, epoch, false, 7); /* in the end it failed all the same */
    ck_assert_int_eq(breaker.state, BREAKER_CLOSED);
}
END_TEST

START_TEST(breaker_hears_only_of_its_epoch)
{
    struct breaker breaker = {0};
    unsigned before = breaker_enter(&breaker, &rule, 1);
    book(&breaker, 0, 4, 1);
    unsigned epoch = breaker_enter(&breaker, &rule, 6);
    breaker_leave(&breaker, &rule, before, false, 6); /* its server hung, then it failed */
    breaker_began(&breaker, before, 6);
    breaker_leave(&breaker, &rule, before, true, 6);
    breaker_abandon(&breaker, before);
    ck_assert_int_eq(breaker.state, BREAKER_HALF_OPEN);
    ck_assert(!breaker_admits(&breaker, &rule, 6)); /* somebody tries already */
    breaker_leave(&breaker, &rule, epoch, true, 6);
    ck_assert_int_eq(breaker.state, BREAKER_CLOSED);
    for (int i = 0; i < 4; i++)
        breaker_leave(&breaker, &rule, before, false, 7);
    ck_assert_int_eq(breaker.state, BREAKER_CLOSED);
}
END_TEST

START_TEST(breaker_forgets)
{
    struct breaker breaker = {0};
    book(&breaker, 0, 3, 1);
    book(&breaker, 1, 0, 12);
    book(&breaker, 0, 1, 13);
    ck_assert_int_eq(breaker.state, BREAKER_CLOSED); /* the three are out of the window */
    book(&breaker, 0, 2, 14);
    ck_assert_int_eq(breaker.state, BREAKER_OPEN); /* 3 of 4 within it */
}
END_TEST

START_TEST(breaker_off)
{
    const struct breaker_rule off = {0};
    struct breaker breaker = {0};
    for (int i = 0; i < 100; i++)
        breaker_leave(&breaker, &off, breaker_enter(&breaker, &off, i), false, i);
    ck_assert(breaker_admits(&breaker, &off, 100));
}
END_TEST

START_TEST(budget_has_a_share_and_a_floor)
{
    struct budget budget = {.requests = 1, .retries = 2};
    ck_assert(budget_allows(&budget, 20, 3));
    budget.retries = 3;
    ck_assert(!budget_allows(&budget, 20, 3));
    budget.requests = 100;
    budget.retries = 19;
    ck_assert(budget_allows(&budget, 20, 3));
    budget.retries = 20;
    ck_assert(!budget_allows(&budget, 20, 3));
}
END_TEST

/* ---- outliers ---------------------------------------------------------------------------------- */

START_TEST(errors_in_a_row)
{
    struct outlier outlier = {0};
    ck_assert(!outlier_book(&outlier, false, 3));
    ck_assert(!outlier_book(&outlier, false, 3));
    ck_assert(!outlier_book(&outlier, true, 3));
    ck_assert(!outlier_book(&outlier, false, 3));
    ck_assert(!outlier_book(&outlier, false, 3));
    ck_assert(outlier_book(&outlier, false, 3));
    ck_assert(!outlier_book(&outlier, false, 0)); /* 0: never */
}
END_TEST

START_TEST(ejections_grow)
{
    struct outlier outlier = {0};
    ck_assert_double_eq(outlier_eject(&outlier, 30, 70, 100, 0), 30);
    ck_assert(!outlier_returns(&outlier, 129));
    ck_assert(outlier_returns(&outlier, 130));
    ck_assert_double_eq(outlier_eject(&outlier, 30, 70, 200, 0), 60);
    ck_assert_double_eq(outlier_eject(&outlier, 30, 70, 300, 0), 70);
    double jittered = outlier_eject(&outlier, 30, 70, 400, UINT32_MAX);
    ck_assert_double_eq_tol(jittered, 77, 1e-6);
}
END_TEST

START_TEST(never_the_last_one)
{
    ck_assert(!outlier_room(1, 0, 100));
    ck_assert(outlier_room(2, 0, 10)); /* one at least */
    ck_assert(!outlier_room(2, 1, 100));
    ck_assert(!outlier_room(20, 2, 10));
    ck_assert(outlier_room(20, 1, 10));
}
END_TEST

START_TEST(success_rate)
{
    struct outlier servers[6] = {0}, *all[6];
    for (int i = 0; i < 6; i++) {
        servers[i] = (struct outlier){.good = i == 5 ? 50 : 100, .bad = i == 5 ? 50 : 0};
        all[i] = &servers[i];
    }
    ck_assert_double_eq(outlier_threshold(all, 4), 0); /* too few servers */
    double threshold = outlier_threshold(all, 6);
    ck_assert(threshold > 0.5 && threshold < 1);
    ck_assert(!outlier_below(&servers[0], threshold));
    ck_assert(outlier_below(&servers[5], threshold));
    ck_assert(!outlier_below(&servers[5], threshold)); /* a new interval */
}
END_TEST

/* ---- keep-alive -------------------------------------------------------------------------------- */

START_TEST(keepalive_says)
{
    struct keepalive keepalive = {0};
    ck_assert_double_eq(keepalive_limit(&keepalive), 0);
    ck_assert_int_eq(keepalive_said(&keepalive, span_text("Timeout=5, max=100")), 100);
    ck_assert_double_eq(keepalive_limit(&keepalive), 4);
    ck_assert_int_eq(keepalive_said(&keepalive, span_text("nonsense, timeout=x, timeout")), -1);
    ck_assert_int_eq(keepalive_said(&keepalive, span_text("timeout=5, max=0")), 0);
    ck_assert_double_eq(keepalive_limit(&keepalive), 4);
}
END_TEST

START_TEST(keepalive_sees)
{
    struct keepalive keepalive = {0};
    keepalive_said(&keepalive, span_text("timeout=60"));
    keepalive_closed(&keepalive, 2, 10);
    ck_assert_double_eq_tol(keepalive_limit(&keepalive), 1.6, 1e-9);
    for (int i = 0; i < KEEPALIVE_SEEN; i++) /* it has become more patient */
        keepalive_closed(&keepalive, 10, 20 + i);
    ck_assert_double_eq_tol(keepalive_limit(&keepalive), 8, 1e-9);
}
END_TEST

START_TEST(keepalive_restart_is_one_event)
{
    struct keepalive keepalive = {0};
    keepalive_closed(&keepalive, 0.1, 10);
    keepalive_closed(&keepalive, 7, 10.01);
    keepalive_closed(&keepalive, 3, 10.02);
    ck_assert_double_eq_tol(keepalive_limit(&keepalive), 5.6, 1e-9);
}
END_TEST

START_TEST(keepalive_forgets_what_is_outlived)
{
    struct keepalive keepalive = {0};
    keepalive_closed(&keepalive, 0.01, 10);
    keepalive_closed(&keepalive, 5, 11);
    keepalive_closed(&keepalive, 0.5, 12);
    keepalive_outlived(&keepalive, 0.9);
    ck_assert_double_eq_tol(keepalive_limit(&keepalive), 0.008, 1e-9);
    keepalive_outlived(&keepalive, 1.5);
    ck_assert_double_eq_tol(keepalive_limit(&keepalive), 0.4, 1e-9);
    keepalive_outlived(&keepalive, 2.1);
    ck_assert_double_eq_tol(keepalive_limit(&keepalive), 4, 1e-9);
    keepalive_outlived(&keepalive, 20);
    ck_assert_double_eq(keepalive_limit(&keepalive), 0);
}
END_TEST

/* ---- servers and bodies ------------------------------------------------------------------------ */

START_TEST(server_words)
{
    struct server server;
    char why[200];
    ck_assert_int_eq(server_parse(span_text("tcp:127.0.0.1:80 weight=3 backup"), &server, why, sizeof(why)),
                     0);
    ck_assert_int_eq(server.weight, 3);
    ck_assert(server.backup && !server.named);
    ck_assert_int_eq(server_parse(span_text("tcp:example.org:80"), &server, why, sizeof(why)), 0);
    ck_assert(server.named);
    ck_assert_int_eq(server_parse(span_text("unix:/run/a.sock"), &server, why, sizeof(why)), 0);
    const char *const bad[] = {"udp:127.0.0.1:80",
                               "tcp:*:80",
                               "tcp:127.0.0.1:0",
                               "",
                               "tcp:127.0.0.1:80 weight=1001",
                               "tcp:127.0.0.1:80 weight=",
                               "tcp:127.0.0.1:80 heavy"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_msg(server_parse(span_text(bad[i]), &server, why, sizeof(why)) != 0, "%s", bad[i]);
}
END_TEST

START_TEST(replay_is_all_or_nothing)
{
    struct loop *loop = calloc(1, sizeof(*loop));
    struct exchange exchange = {.loop = loop};
    struct replay replay = {.limit = 10};
    loop->settings.request_bytes_total = 100;
    ck_assert(replay_whole(&replay)); /* no body: nothing is missing */
    replay_keep(&replay, &exchange, span_of("12345", 5));
    ck_assert_uint_eq(replay_keep_some(&replay, &exchange, span_of("67890abc", 8)), 5);
    ck_assert(span_equal(replay_bytes(&exchange), span_text("1234567890")));
    ck_assert_uint_eq(loop->stats.request_bytes, 10);
    replay_keep(&replay, &exchange, span_of("x", 1));
    ck_assert(!replay_whole(&replay));
    ck_assert_uint_eq(replay_bytes(&exchange).n, 0);
    ck_assert_uint_eq(loop->stats.request_bytes, 0);
    replay = (struct replay){.limit = 1000};
    loop->settings.request_bytes_total = 4;
    ck_assert_uint_eq(replay_keep_some(&replay, &exchange, span_of("12345", 5)), 0); /* it waits */
    ck_assert(replay_whole(&replay));
    replay_keep(&replay, &exchange, span_of("12345", 5));
    ck_assert(!replay_whole(&replay));
    free(loop);
}
END_TEST

/* ---- heads ------------------------------------------------------------------------------------- */

struct rewrite {
    struct http1_field fields[HTTP1_FIELDS_MAX];
    struct exchange exchange;
    struct route_settings settings;
    struct route route;
    char bytes[FORWARD_ROOM];
    char out[FORWARD_ROOM];
};

static const char *rewrite(struct rewrite *r, const char *head) {
    static const struct forward_client client = {"192.0.2.7", "server:1"};
    struct http1_scan scan = {0};
    struct http1_writer writer;
    snprintf(r->bytes, sizeof(r->bytes), "%s", head);
    r->exchange = (struct exchange){.head.fields = {r->fields, 0, HTTP1_FIELDS_MAX}};
    struct http1_verdict verdict =
        http1_decode(&scan, r->bytes, strlen(r->bytes), &HTTP1_LIMITS, &r->exchange.head);
    ck_assert_int_eq(verdict.kind, VERDICT_FRAME);
    r->exchange.path = r->exchange.head.path;
    r->settings.host = r->settings.host ? r->settings.host : (char *)(uintptr_t) "";
    r->route.settings = &r->settings;
    const struct forward_framing framing = {
        .body = r->exchange.head.framing.body, .length = r->exchange.head.framing.length, .max_forwards = -1};
    http1_writer_init(&writer, r->out, sizeof(r->out) - 1);
    ck_assert_int_eq(forward_request(&writer, &r->route, &r->exchange, &client, &framing), 0);
    r->out[writer.n] = '\0';
    return r->out;
}

#define TAIL                                                                                                 \
    "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: a\r\nVia: 1.1 sluice\r\n"

START_TEST(head_is_written_anew)
{
    struct rewrite *r = calloc(1, sizeof(*r));
    ck_assert_str_eq(rewrite(r, "GET /x?y HTTP/1.1\r\nHost: a\r\nB:c\r\n\r\n"),
                     "GET /x?y HTTP/1.1\r\nHost: a\r\nB: c\r\n" TAIL "\r\n");
    ck_assert_str_eq(rewrite(r, "POST / HTTP/1.1\r\nContent-Length: 007\r\nHost: a\r\n\r\n"),
                     "POST / HTTP/1.1\r\nHost: a\r\n" TAIL "Content-Length: 7\r\n\r\n");
    ck_assert_str_eq(rewrite(r, "POST / HTTP/1.1\r\nHost: a\r\ntransfer-encoding: Chunked\r\n\r\n"),
                     "POST / HTTP/1.1\r\nHost: a\r\n" TAIL "Transfer-Encoding: chunked\r\n\r\n");
    ck_assert_str_eq(rewrite(r, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"),
                     "POST / HTTP/1.1\r\nHost: a\r\n" TAIL "Content-Length: 0\r\n\r\n");
    free(r);
}
END_TEST

START_TEST(head_loses_this_hop)
{
    struct rewrite *r = calloc(1, sizeof(*r));
    ck_assert_str_eq(
        rewrite(r, "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, X-One\r\nConnection: x-two\r\n"
                   "x-one: 1\r\nX-Two: 2\r\nX-Three: 3\r\nKeep-Alive: 1\r\nTE: x\r\nUpgrade: h2c\r\n"
                   "Via: 1.0 b\r\nExpect: 100-continue\r\n\r\n"),
        "GET / HTTP/1.1\r\nHost: a\r\nX-Three: 3\r\nX-Forwarded-For: 192.0.2.7\r\n"
        "X-Forwarded-Proto: http\r\nX-Forwarded-Host: a\r\nVia: 1.0 b, 1.1 sluice\r\n\r\n");
    free(r);
}
END_TEST

START_TEST(paths_are_moved)
{
    struct rewrite *r = calloc(1, sizeof(*r));
    const struct {
        const char *strip, *add, *path, *line;
    } cases[] = {
        {"/api", "", "/api/x", "GET /x HTTP/1.1"},       {"/api", "", "/api", "GET / HTTP/1.1"},
        {"/api", "", "/apix", "GET /apix HTTP/1.1"},     {"", "/v1", "/x", "GET /v1/x HTTP/1.1"},
        {"/api", "/v1", "/api?q", "GET /v1?q HTTP/1.1"}, {"/api", "/v1", "/api/x?", "GET /v1/x? HTTP/1.1"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char head[100];
        snprintf(head, sizeof(head), "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", cases[i].path);
        r->route.strip = span_text(cases[i].strip);
        r->route.add = span_text(cases[i].add);
        char *out = (char *)(uintptr_t)rewrite(r, head);
        *strstr(out, "\r\n") = '\0';
        ck_assert_str_eq(out, cases[i].line);
    }
    free(r);
}
END_TEST

START_TEST(transforms_are_judged)
{
    struct transforms transforms = {0};
    char why[200];
    ck_assert_int_eq(transforms_add(&transforms, TRANSFORM_SET, "X-A: b, c\nX-C:d", why, sizeof(why)), 0);
    ck_assert_uint_eq(transforms.count, 2);
    ck_assert_int_ne(transforms_add(&transforms, TRANSFORM_SET, "no colon", why, sizeof(why)), 0);
    ck_assert_int_ne(transforms_add(&transforms, TRANSFORM_SET, "Bad Name: x", why, sizeof(why)), 0);
    ck_assert_int_ne(transforms_add(&transforms, TRANSFORM_SET, "X: a\r\nB: c", why, sizeof(why)), 0);
    ck_assert_int_ne(transforms_add(&transforms, TRANSFORM_SET, "Content-Length: 5", why, sizeof(why)), 0);
    ck_assert_int_ne(
        transforms_add(&transforms, TRANSFORM_RENAME, "X-A: Transfer-Encoding", why, sizeof(why)), 0);
    transforms_free(&transforms);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("gateway");
    TCase *all = tcase_create("gateway");
    tcase_add_test(all, breaker_opens_by_ratio);
    tcase_add_test(all, breaker_lets_one_try);
    tcase_add_test(all, breaker_closes_when_an_answer_begins);
    tcase_add_test(all, breaker_hears_only_of_its_epoch);
    tcase_add_test(all, breaker_forgets);
    tcase_add_test(all, breaker_off);
    tcase_add_test(all, budget_has_a_share_and_a_floor);
    tcase_add_test(all, errors_in_a_row);
    tcase_add_test(all, ejections_grow);
    tcase_add_test(all, never_the_last_one);
    tcase_add_test(all, success_rate);
    tcase_add_test(all, keepalive_says);
    tcase_add_test(all, keepalive_sees);
    tcase_add_test(all, keepalive_restart_is_one_event);
    tcase_add_test(all, keepalive_forgets_what_is_outlived);
    tcase_add_test(all, server_words);
    tcase_add_test(all, replay_is_all_or_nothing);
    tcase_add_test(all, head_is_written_anew);
    tcase_add_test(all, head_loses_this_hop);
    tcase_add_test(all, paths_are_moved);
    tcase_add_test(all, transforms_are_judged);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
