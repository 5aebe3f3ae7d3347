/* Routes: titles, the order in which they match, parameters, hosts, methods. */
#include "handlers/http/router.h"

#include "proto/uri.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static struct router router;
static struct http_handler handlers[4000];
static struct exchange exchange;
static unsigned methods;

static void setup(void) {
    router = (struct router){0};
    exchange = (struct exchange){0};
}

static void teardown(void) {
    router_free(&router);
}

static int add_why(int handler, const char *title, char why[static 128]) {
    return router_add(&router, title, &handlers[handler], why, 128);
}

static void add(int handler, const char *title) {
    char why[128];
    int error = add_why(handler, title, why);
    ck_assert_msg(error == 0, "%s: %s", title, why);
}

/* The number of the handler that answers; -404 or -405. */
static int find_at(const char *host, const char *method, const char *path) {
    const struct http_handler *handler = NULL;
    exchange.head.method = http1_method_of(span_text(method));
    exchange.head.host.host = span_text(host);
    exchange.path = span_text(path);
    switch (router_find(&router, &exchange, &handler, &methods)) {
    case ROUTER_FOUND:
        return (int)(handler - handlers);
    case ROUTER_NO_METHOD:
        return -405;
    default:
        return -404;
    }
}

static int find(const char *method, const char *path) {
    return find_at("example.org", method, path);
}

static void assert_param(const char *name, const char *value) {
    struct span found = exchange_param(&exchange, name);
    ck_assert_msg(found.p && span_equal(found, span_text(value)), "%s is '%.*s', not '%s'", name,
                  (int)found.n, found.p ? found.p : "(none)", value);
}

START_TEST(literal_paths_match_whole)
{
    add(1, "GET /hello");
    add(2, "GET /hello/there");
    add(3, "GET /");
    ck_assert_int_eq(find("GET", "/hello"), 1);
    ck_assert_int_eq(find("GET", "/hello/there"), 2);
    ck_assert_int_eq(find("GET", "/"), 3);
    ck_assert_int_eq(find("GET", "/hell"), -404);
    ck_assert_int_eq(find("GET", "/hello/"), -404);
    ck_assert_int_eq(find("GET", "//hello"), -404);
    ck_assert_int_eq(find("GET", "/Hello"), -404);
    ck_assert_int_eq(find("GET", "/hello/there/you"), -404);
}
END_TEST

START_TEST(params_are_one_segment_each)
{
    add(1, "GET /fib/:n");
    add(2, "GET /users/:user/posts/:post");
    ck_assert_int_eq(find("GET", "/fib/35"), 1);
    assert_param("n", "35");
    ck_assert_int_eq(find("GET", "/users/ann%20b/posts/7"), 2);
    assert_param("user", "ann%20b");
    assert_param("post", "7");
    ck_assert_int_eq(find("GET", "/fib/"), -404);
    ck_assert_int_eq(find("GET", "/fib"), -404);
    ck_assert_int_eq(find("GET", "/fib/1/2"), -404);
    ck_assert_int_eq(find("GET", "/users//posts/7"), -404);
}
END_TEST

START_TEST(a_star_is_everything_below)
{
    add(1, "GET /api/*");
    ck_assert_int_eq(find("GET", "/api/"), 1);
    assert_param("*", "");
    ck_assert_int_eq(find("GET", "/api/a/b/"), 1);
    assert_param("*", "a/b/");
    ck_assert_int_eq(find("GET", "/api"), -404);
    ck_assert_int_eq(find("GET", "/apix/a"), -404);
    add(2, "/*");
    ck_assert_int_eq(find("GET", "/api"), 2);
    assert_param("*", "api");
    ck_assert_int_eq(find("GET", "/"), 2);
    ck_assert_int_eq(find("GET", "/api/x"), 1);
}
END_TEST

START_TEST(literal_before_param_before_star_whatever_the_order_of_adding)
{
    add(1, "/*");
    add(2, "/a/*");
    add(3, "/a/:x");
    add(4, "/a/b");
    add(5, "/a/:x/c");
    add(6, "/a/b/*");
    ck_assert_int_eq(find("GET", "/a/b"), 4);
    ck_assert_int_eq(find("GET", "/a/z"), 3);
    ck_assert_int_eq(find("GET", "/a/z/c"), 5);
    ck_assert_int_eq(find("GET", "/a/b/c"), 6);
    ck_assert_int_eq(find("GET", "/a/z/d"), 2);
    ck_assert_int_eq(find("GET", "/a/"), 2);
    ck_assert_int_eq(find("GET", "/z"), 1);
}
END_TEST

START_TEST(where_a_literal_leads_nowhere_params_and_stars_are_tried)
{
    add(1, "GET /a/b/c");
    add(2, "GET /a/:x/d");
    add(3, "GET /:y/b/*");
    ck_assert_int_eq(find("GET", "/a/b/d"), 2);
    assert_param("x", "b");
    ck_assert_uint_eq(exchange.params_count, 1);
    ck_assert_int_eq(find("GET", "/a/b/e"), 3);
    assert_param("y", "a");
    assert_param("*", "e");
    ck_assert_uint_eq(exchange.params_count, 2);
    ck_assert_int_eq(find("GET", "/a/x/e"), -404);
}
END_TEST

START_TEST(methods_are_told_apart)
{
    add(1, "GET /x");
    add(2, "POST /x");
    ck_assert_int_eq(find("GET", "/x"), 1);
    ck_assert_int_eq(find("POST", "/x"), 2);
    ck_assert_int_eq(find("DELETE", "/x"), -405);
    ck_assert_uint_eq(methods, 1u << HTTP1_GET | 1u << HTTP1_HEAD | 1u << HTTP1_POST);
    ck_assert_int_eq(find("get", "/x"), -405);
    ck_assert_int_eq(find("DELETE", "/y"), -404);
}
END_TEST

START_TEST(the_methods_of_a_path_are_those_of_all_its_routes)
{
    add(1, "GET /a/:x");
    add(2, "POST /a/b");
    add(3, "PUT /a/*");
    ck_assert_int_eq(find("GET", "/a/b"), 1);
    ck_assert_int_eq(find("POST", "/a/b"), 2);
    ck_assert_int_eq(find("PUT", "/a/b"), 3);
    ck_assert_int_eq(find("PATCH", "/a/b"), -405);
    ck_assert_uint_eq(methods, 1u << HTTP1_GET | 1u << HTTP1_HEAD | 1u << HTTP1_POST | 1u << HTTP1_PUT);
    ck_assert_int_eq(find("PATCH", "/a/c"), -405);
    ck_assert_uint_eq(methods, 1u << HTTP1_GET | 1u << HTTP1_HEAD | 1u << HTTP1_PUT);
}
END_TEST

START_TEST(get_answers_head_unless_there_is_one_for_it)
{
    add(1, "GET /x");
    add(2, "GET /y");
    add(3, "HEAD /y");
    add(4, "POST /z");
    ck_assert_int_eq(find("HEAD", "/x"), 1);
    ck_assert_int_eq(find("HEAD", "/y"), 3);
    ck_assert_int_eq(find("HEAD", "/z"), -405);
}
END_TEST

START_TEST(any_method_is_second_to_a_named_one)
{
    add(1, "* /x");
    add(2, "GET /x");
    add(3, "/y");
    ck_assert_int_eq(find("GET", "/x"), 2);
    ck_assert_int_eq(find("HEAD", "/x"), 2);
    ck_assert_int_eq(find("DELETE", "/x"), 1);
    ck_assert_int_eq(find("BREW", "/x"), 1);
    ck_assert_int_eq(find("OPTIONS", "/y"), 3);
}
END_TEST

START_TEST(hosts_match_without_case_and_before_none)
{
    add(1, "GET /x");
    add(2, "GET example.org/x");
    add(3, "GET Example.com/x");
    add(4, "POST example.org/x");
    add(5, "GET [::1]/x");
    ck_assert_int_eq(find_at("EXAMPLE.org", "GET", "/x"), 2);
    ck_assert_int_eq(find_at("example.COM", "GET", "/x"), 3);
    ck_assert_int_eq(find_at("other", "GET", "/x"), 1);
    ck_assert_int_eq(find_at("", "GET", "/x"), 1);
    ck_assert_int_eq(find_at("[::1]", "GET", "/x"), 5);
    ck_assert_int_eq(find_at("other", "POST", "/x"), -405);
    ck_assert_uint_eq(methods, 1u << HTTP1_GET | 1u << HTTP1_HEAD);
    ck_assert_int_eq(find_at("example.com", "POST", "/x"), -405);
}
END_TEST

START_TEST(a_host_without_the_path_falls_back_to_routes_without_host)
{
    add(1, "example.org/x");
    add(2, "GET /y");
    ck_assert_int_eq(find_at("example.org", "GET", "/y"), 2);
    ck_assert_int_eq(find_at("example.com", "GET", "/x"), -404);
}
END_TEST

START_TEST(titles_are_compared_as_requests_are)
{
    add(1, "GET /%7euser/caf%c3%a9");
    ck_assert_int_eq(find("GET", "/~user/caf%C3%A9"), 1);
}
END_TEST

START_TEST(asterisk_and_authority_have_no_route)
{
    add(1, "/*");
    exchange.head.form = HTTP1_ASTERISK;
    ck_assert_int_eq(find("OPTIONS", "*"), -404);
    exchange.head.form = HTTP1_AUTHORITY;
    ck_assert_int_eq(find("CONNECT", ""), -404);
}
END_TEST

static const struct {
    const char *title, *reason;
} malformed[] = {
    {"", "no path"},
    {"GET", "no path"},
    {"GET ", "no path"},
    {"hello", "no path"},
    {"get /x", "not a method"},
    {"FETCH /x", "not a method"},
    {"CONNECT /x", "CONNECT has no path"},
    {"GET  x/y z", "percent-encoded"},
    {"GET /x?a=b", "no query"},
    {"GET /x#a", "percent-encoded"},
    {"GET /caf\xc3\xa9", "percent-encoded"},
    {"GET /%zz", "broken escape"},
    {"GET /../x", "climbs above"},
    {"GET ex ample/x", "not a host"},
    {"GET user@host/x", "not a host"},
    {"GET host:80/x", "no port"},
    {"GET /:", "name of a :param"},
    {"GET /:a:b", "name of a :param"},
    {"GET /a*", "whole segment"},
    {"GET /*/a", "last segment"},
    {"GET /*/", "last segment"},
    {"GET /:a/:b/:a", "same name"},
    {"GET /:a/:b/:c/:d/:e/:f/:g/:h/:i", "more than 8"},
    {"GET /:a/:b/:c/:d/:e/:f/:g/:h/*", "more than 8"},
};

START_TEST(malformed_titles_are_refused_with_the_reason)
{
    char why[128];
    ck_assert_int_eq(add_why(1, malformed[_i].title, why), -EINVAL);
    ck_assert_msg(strstr(why, malformed[_i].reason) != NULL, "'%s': %s", malformed[_i].title, why);
}
END_TEST

START_TEST(what_would_never_be_asked_is_taken)
{
    char why[128];
    add(1, "GET /u/:id");
    ck_assert_int_eq(add_why(2, "GET /u/:name", why), -EEXIST);
    ck_assert_int_eq(add_why(2, "GET  /u/:id", why), -EEXIST);
    add(2, "POST /u/:name");
    add(3, "/u/:any");
    ck_assert_int_eq(add_why(4, "* /u/:x", why), -EEXIST);
    add(4, "GET example.org/u/:id");
    ck_assert_int_eq(add_why(5, "GET EXAMPLE.ORG/u/:id", why), -EEXIST);
    ck_assert_int_eq(find_at("a", "POST", "/u/7"), 2);
    assert_param("name", "7");
}
END_TEST

START_TEST(eight_params_are_found)
{
    add(1, "GET /:a/:b/:c/:d/:e/:f/:g/*");
    ck_assert_int_eq(find("GET", "/1/2/3/4/5/6/7/8/9"), 1);
    assert_param("a", "1");
    assert_param("g", "7");
    assert_param("*", "8/9");
}
END_TEST

START_TEST(thousands_of_routes_are_all_found)
{
    char title[64];
    for (int i = 1; i < 4000; i++) {
        const char *tail = i % 3 == 0 ? "/:id" : i % 3 == 1 ? "" : "/*";
        snprintf(title, sizeof(title), "GET /service%d/v%d%s", (i * 7919) % 4000, i % 10, tail);
        add(i, title);
    }
    for (int i = 1; i < 4000; i++) {
        const char *tail = i % 3 == 0 ? "/77" : i % 3 == 1 ? "" : "/below/it";
        snprintf(title, sizeof(title), "/service%d/v%d%s", (i * 7919) % 4000, i % 10, tail);
        ck_assert_int_eq(find("GET", title), i);
    }
    ck_assert_int_eq(find("GET", "/service1/v99"), -404);
}
END_TEST

START_TEST(a_long_path_of_many_segments_costs_no_more_than_the_tree_is_deep)
{
    size_t n = 8000;
    char *path = malloc(n + 1);
    ck_assert_ptr_nonnull(path);
    memset(path, '/', n);
    path[n] = '\0';
    add(1, "GET /:a/:b/x");
    add(2, "GET /deep/*");
    ck_assert_int_eq(find("GET", path), -404);
    memcpy(path, "/deep", 5);
    ck_assert_int_eq(find("GET", path), 2);
    ck_assert_uint_eq(exchange_param(&exchange, "*").n, n - 6);
    free(path);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("router");
    TCase *finding = tcase_create("finding");
    tcase_add_checked_fixture(finding, setup, teardown);
    tcase_add_test(finding, literal_paths_match_whole);
    tcase_add_test(finding, params_are_one_segment_each);
    tcase_add_test(finding, a_star_is_everything_below);
    tcase_add_test(finding, literal_before_param_before_star_whatever_the_order_of_adding);
    tcase_add_test(finding, where_a_literal_leads_nowhere_params_and_stars_are_tried);
    tcase_add_test(finding, methods_are_told_apart);
    tcase_add_test(finding, the_methods_of_a_path_are_those_of_all_its_routes);
    tcase_add_test(finding, get_answers_head_unless_there_is_one_for_it);
    tcase_add_test(finding, any_method_is_second_to_a_named_one);
    tcase_add_test(finding, hosts_match_without_case_and_before_none);
    tcase_add_test(finding, a_host_without_the_path_falls_back_to_routes_without_host);
    tcase_add_test(finding, titles_are_compared_as_requests_are);
    tcase_add_test(finding, asterisk_and_authority_have_no_route);
    tcase_add_test(finding, eight_params_are_found);
    tcase_add_test(finding, thousands_of_routes_are_all_found);
    tcase_add_test(finding, a_long_path_of_many_segments_costs_no_more_than_the_tree_is_deep);
    suite_add_tcase(suite, finding);
    TCase *titles = tcase_create("titles");
    tcase_add_checked_fixture(titles, setup, teardown);
    tcase_add_loop_test(titles, malformed_titles_are_refused_with_the_reason, 0,
                        (int)(sizeof(malformed) / sizeof(malformed[0])));
    tcase_add_test(titles, what_would_never_be_asked_is_taken);
    suite_add_tcase(suite, titles);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
