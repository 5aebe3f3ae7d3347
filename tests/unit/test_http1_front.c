/* HTTP's front end between a client and a handler that does the unusual. */
#include "reactor/http1_front.h"

#include "reactor/http1_reply.h"
#include "reactor/memory_body.h"
#include "tests/unit/loop_rig.h"

#include <check.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define LONG (1024 * 1024)

/* malloc(3) is ours here; the sanitizers have one of their own. */
static bool starved;
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define OWN_MALLOC 1
extern void *__libc_malloc(size_t size);

void *malloc(size_t size) {
    return starved ? NULL : __libc_malloc(size);
}
#else
#define OWN_MALLOC 0
#endif

static struct loop_rig rig;
static struct http1_service service;
static struct http_handler handler;
static struct conn *conn;
static int client;
static uint64_t waiting; /* the request that was left without a reply */
static bool takes;       /* the sink */
static char text[LONG + 1024];

static const struct http_handler *route(struct http1_service *of, struct request *request,
                                        struct exchange *exchange) {
    (void)of, (void)request, (void)exchange;
    return &handler;
}

static void reply_done(struct request *request) {
    struct http1_reply reply;
    http1_reply_begin(&reply, request, 200);
    http1_reply_bytes(&reply, span_text("done"));
}

static void run_wait(struct request *request, struct exchange *exchange) {
    (void)exchange;
    waiting = request_handle(request);
}

static void setup(void) {
    loop_rig_setup(&rig);
    http1_service_init(&service);
    service.route = route;
    handler = (struct http_handler){.body_limit = 1024, .run = run_wait};
    takes = false;
}

static void start(void) {
    loop_rig_start(&rig);
    rig.loop.fronts[PROTOCOL_HTTP1] = &http1_front;
    rig.loop.http = &service;
    client = loop_rig_connect(&rig, &conn);
}

static void teardown(void) {
    close(client);
    loop_rig_teardown(&rig);
}

static void say(const char *what) {
    ck_assert_int_eq(send(client, what, strlen(what), 0), (ssize_t)strlen(what));
    loop_rig_turn(&rig);
}

/* All that comes until the server closes. */
static const char *hear(void) {
    memset(text, 0, sizeof(text));
    loop_rig_receive(&rig, client, text, sizeof(text) - 1);
    return text;
}

static size_t take_or_wait(struct request *request, struct span data) {
    (void)request;
    return takes ? data.n : 0;
}

START_TEST(a_sink_that_paused_goes_on_whatever_the_depth_of_the_pipeline)
{
    static const struct http_sink sink = {.data = take_or_wait, .end = reply_done};
    rig.settings.pipeline = 1;
    handler.sink = &sink;
    start();
    say("POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello");
    loop_rig_turn(&rig);
    takes = true;
    http1_resume(request_find(&rig.loop, waiting));
    ck_assert_ptr_nonnull(strstr(hear(), "done"));
}
END_TEST

static size_t take_and_reply(struct request *request, struct span data) {
    reply_done(request);
    return data.n;
}

START_TEST(a_sink_may_reply_before_the_body_is_there)
{
    static const struct http_sink sink = {.data = take_and_reply};
    handler.sink = &sink;
    start();
    say("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 500\r\n\r\nhello");
    ck_assert_ptr_nonnull(strstr(hear(), "Connection: close"));
}
END_TEST

static void run_long_field(struct request *request, struct exchange *exchange) {
    struct http1_reply reply;
    (void)exchange;
    memset(text, 'x', HTTP1_REPLY_ROOM);
    http1_reply_begin(&reply, request, 200);
    http1_reply_field(&reply, "Long", span_of(text, HTTP1_REPLY_ROOM));
    http1_reply_stream(&reply, memory_body_new(request, calloc(1, 10), 10));
}

START_TEST(a_body_whose_head_has_no_room_ends_the_connection)
{
    handler.run = run_long_field;
    start();
    say("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    ck_assert_str_eq(hear(), "");
}
END_TEST

START_TEST(one_that_is_late_is_closed_even_if_no_request_can_be_made_for_it)
{
    rig.settings.timeout_request = 0.05;
    start();
    say("GET / HT");
    while (slots_take(&rig.loop.requests))
        continue;
    ck_assert_str_eq(hear(), "");
    rig.loop.requests.used = 0; /* those are nobody's */
}
END_TEST

START_TEST(nothing_follows_a_reply_that_closes)
{
    struct http1_reply reply;
    rig.settings.timeout_request = 0.05;
    start();
    say("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HT");
    loop_rig_turn(&rig);
    rig.loop.state = LOOP_DRAINING;
    memset(text, 'x', LONG);
    struct request *request = request_find(&rig.loop, waiting);
    http1_reply_begin(&reply, request, 200);
    http1_reply_bytes(&reply, span_of(text, LONG));
    double later = loop_now(&rig.loop) + 4 * rig.settings.timeout_request;
    while (loop_now(&rig.loop) < later) {
        loop_rig_turn(&rig);
        poll(NULL, 0, 5);
    }
    ck_assert_ptr_null(strstr(hear() + 1, "HTTP/1.1"));
}
END_TEST

static unsigned cleanups;

static void count_cleanup(struct request *request) {
    (void)request;
    cleanups++;
}

static void run_and_starve(struct request *request, struct exchange *exchange) {
    run_wait(request, exchange);
    request->cleanup = count_cleanup;
    starved = true;
}

START_TEST(what_is_at_work_for_a_request_that_finds_no_memory_to_go_on_is_told)
{
    handler.run = run_and_starve;
    cleanups = 0;
    start();
    say("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    starved = false;
    ck_assert_str_eq(hear(), "");
    ck_assert_uint_eq(cleanups, 1);
    ck_assert_ptr_null(request_find(&rig.loop, waiting));
}
END_TEST

START_TEST(a_request_with_a_body_that_finds_no_memory_behind_another_one_ends_the_connection)
{
    static const char post[] = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n";
    start();
    say("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    ck_assert_int_eq(send(client, post, strlen(post), 0), (ssize_t)strlen(post));
    starved = true;
    loop_rig_turn(&rig);
    starved = false;
    ck_assert_str_eq(hear(), "");
    ck_assert_ptr_null(request_find(&rig.loop, waiting));
}
END_TEST

int main(void) {
    Suite *suite = suite_create("http1_front");
    TCase *all = tcase_create("handlers");
    tcase_set_timeout(all, 60);
    tcase_add_checked_fixture(all, setup, teardown);
    tcase_add_test(all, a_sink_that_paused_goes_on_whatever_the_depth_of_the_pipeline);
    tcase_add_test(all, a_sink_may_reply_before_the_body_is_there);
    tcase_add_test(all, a_body_whose_head_has_no_room_ends_the_connection);
    tcase_add_test(all, one_that_is_late_is_closed_even_if_no_request_can_be_made_for_it);
    tcase_add_test(all, nothing_follows_a_reply_that_closes);
    if (OWN_MALLOC) {
        tcase_add_test(all, what_is_at_work_for_a_request_that_finds_no_memory_to_go_on_is_told);
        tcase_add_test(all,
                       a_request_with_a_body_that_finds_no_memory_behind_another_one_ends_the_connection);
    }
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
