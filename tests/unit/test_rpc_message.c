#include "handlers/rpc/message.h"
#include "handlers/rpc/method.h"
#include "proto/jsontext.h"

#include <check.h>
#include <stdlib.h>

static struct message decode(const char *text) {
    struct span value;
    struct message message;
    ck_assert_ptr_null(jsontext_check(span_text(text), 16, &value));
    message_decode(value, &message);
    return message;
}

START_TEST(the_envelope_tells_what_a_message_is)
{
    static const struct {
        const char *text;
        enum message_kind kind;
        const char *id;
    } rows[] = {
        {"{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"id\":0}", MESSAGE_CALL, "0"},
        {"{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"id\":null}", MESSAGE_CALL, "null"},
        {"{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"id\":1e3,\"params\":[]}", MESSAGE_CALL, "1e3"},
        {"{\"jsonrpc\":\"2.0\",\"method\":\"m\"}", MESSAGE_NOTIFICATION, "null"},
        {"{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"result\":null}", MESSAGE_REPLY, "\"a\""},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{}}", MESSAGE_REPLY, "1"},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{},\"result\":1}", MESSAGE_INVALID, "1"},
        {"{\"jsonrpc\":\"2.0\",\"id\":1}", MESSAGE_INVALID, "1"},
        {"{\"jsonrpc\":\"1.0\",\"method\":\"m\",\"id\":1}", MESSAGE_INVALID, "1"},
        {"{\"method\":\"m\",\"id\":1}", MESSAGE_INVALID, "1"},
        {"{\"jsonrpc\":\"2.0\",\"method\":1,\"id\":1}", MESSAGE_INVALID, "1"},
        {"{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"id\":[1]}", MESSAGE_INVALID, "null"},
        {"{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"id\":1,\"params\":\"x\"}", MESSAGE_INVALID, "1"},
        {"{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"id\":1,\"id\":2}", MESSAGE_CALL, "2"},
        {"1", MESSAGE_INVALID, "null"},
        {"\"x\"", MESSAGE_INVALID, "null"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct message message = decode(rows[i].text);
        ck_assert_msg(message.kind == rows[i].kind, "%s: kind %d", rows[i].text, message.kind);
        ck_assert_msg(span_equal(message.id, span_text(rows[i].id)), "%s: id %.*s", rows[i].text,
                      (int)message.id.n, message.id.p);
    }
}
END_TEST

static const struct rpc_param params[] = {
    {.name = "key", .type = RPC_STRING, .required = true, .max = 4},
    {.name = "count", .type = RPC_INTEGER, .min = 0, .max = 10},
    {.name = "mode", .type = RPC_STRING, .choices = "one|two"},
};
static const struct rpc_method method = {.name = "m", .params = params, .params_count = 3};

static void assert_checked(const char *text, const char *path) {
    struct rpc_complaint complaint = {.path = "none"};
    json_t *given = json_loads(text, 0, NULL);
    bool good = rpc_check_params(&method, &given, &complaint);
    ck_assert_msg(good == !path, "%s: %s %s", text, complaint.path, complaint.reason);
    if (path)
        ck_assert_str_eq(complaint.path, path);
    else
        ck_assert(json_is_object(given) && json_object_get(given, "key"));
    json_decref(given);
}

START_TEST(arguments_are_checked_by_name_and_by_position)
{
    assert_checked("{\"key\":\"a\"}", NULL);
    assert_checked("[\"a\"]", NULL);
    assert_checked("[\"a\",10,\"two\"]", NULL);
    assert_checked("{\"key\":\"a\",\"_meta\":{}}", NULL);
    assert_checked("{}", "/key");
    assert_checked("[]", "/key");
    assert_checked("[1]", "/key");
    assert_checked("[\"a\",1,\"one\",0]", "");
    assert_checked("{\"key\":\"abcde\"}", "/key");
    assert_checked("{\"key\":\"a\",\"count\":11}", "/count");
    assert_checked("{\"key\":\"a\",\"count\":-1}", "/count");
    assert_checked("{\"key\":\"a\",\"count\":1.0}", NULL);
    assert_checked("{\"key\":\"a\",\"count\":1.5}", "/count");
    assert_checked("{\"key\":\"a\",\"count\":1e300}", "/count");
    assert_checked("{\"key\":\"a\",\"mode\":\"on\"}", "/mode");
    assert_checked("{\"key\":\"a\",\"other\":1}", "/other");
    assert_checked("{\"key\":\"a\",\"a/b~c\":1}", "/a~1b~0c");
}
END_TEST

/* Whatever the place of the cut, it is between two characters. */
START_TEST(a_long_name_is_cut_in_a_path)
{
    for (int before = 0; before < 8; before++) {
        char name[400] = "/~xxxxxxx";
        struct rpc_complaint complaint;
        name[2 + before] = '\0';
        for (int i = 0; i < 50; i++)
            strcat(name, "\xe2\x9c\x93");
        rpc_point(&complaint, "/in", name);
        size_t n = strlen(complaint.path);
        ck_assert(n > sizeof(complaint.path) - 4);
        ck_assert_int_eq(memcmp(complaint.path, "/in/~1~0", 8), 0);
        ck_assert_str_eq(complaint.path + n - 3, "\xe2\x9c\x93");
    }
}
END_TEST

START_TEST(the_schema_says_what_is_checked)
{
    json_t *schema = rpc_params_schema(&method);
    json_t *want = json_loads(
        "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"key\"],\"properties\":{"
        "\"key\":{\"type\":\"string\",\"maxLength\":4},\"count\":{\"type\":\"integer\",\"minimum\":0,"
        "\"maximum\":10},"
        "\"mode\":{\"type\":\"string\",\"enum\":[\"one\",\"two\"]}}}",
        0, NULL);
    ck_assert_int_eq(json_equal(schema, want), 1);
    json_decref(schema);
    json_decref(want);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("rpc_message");
    TCase *tests = tcase_create("rpc_message");
    tcase_add_test(tests, the_envelope_tells_what_a_message_is);
    tcase_add_test(tests, arguments_are_checked_by_name_and_by_position);
    tcase_add_test(tests, a_long_name_is_cut_in_a_path);
    tcase_add_test(tests, the_schema_says_what_is_checked);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
