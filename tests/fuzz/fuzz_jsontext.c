/* jsontext against jansson: both accept the same texts, but for numbers that jansson has no type for, and
 * every span that is cut out is JSON again; json_value makes the same of them. Then the envelope: whatever the text, the decoder gives spans
 * within it. */
#include "handlers/http/json_value.h"
#include "handlers/rpc/message.h"
#include "proto/jsontext.h"
#include "tests/fuzz/fuzz.h"

#include <jansson.h>

#define DEPTH 64

static int is_range_error(const json_error_t *error) {
    enum json_error_code code = json_error_code(error);
    return code == json_error_numeric_overflow;
}

static void check_within(struct span part, struct span whole) {
    fuzz_check(!part.p || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n));
}

static void check_parts(struct span value, unsigned depth) {
    struct span rest, name, part, again;
    enum jsontext_kind kind = jsontext_kind(value);
    if (kind != JSONTEXT_OBJECT && kind != JSONTEXT_ARRAY)
        return;
    rest = jsontext_inside(value);
    while (kind == JSONTEXT_OBJECT ? jsontext_member(&rest, &name, &part) : jsontext_element(&rest, &part)) {
        check_within(part, value);
        fuzz_check(jsontext_check(part, DEPTH, &again) == NULL && span_equal(part, again));
        if (kind == JSONTEXT_OBJECT)
            fuzz_check(jsontext_kind(name) == JSONTEXT_STRING && !jsontext_check(name, 1, &again));
        if (depth < 4)
            check_parts(part, depth + 1);
    }
}

static void check_message(struct span value) {
    struct message message;
    message_decode(value, &message);
    if (!span_equal(message.id, span_text("null")))
        check_within(message.id, value);
    check_within(message.method, value);
    check_within(message.params, value);
    check_within(message.result, value);
    check_within(message.error, value);
    if (message.kind == MESSAGE_CALL || message.kind == MESSAGE_NOTIFICATION)
        fuzz_check(message.method.p != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct span text = span_of(data, size), value;
    json_error_t error;
    const char *reason = jsontext_check(text, DEPTH, &value);
    json_t *tree = json_loadb((const char *)data, size, JSON_DECODE_ANY, &error);
    if (reason) {
        /* Ours alone: the depth, and a NUL behind the value, which jansson takes for the end. */
        fuzz_check(!tree || strcmp(reason, "nested too deep") == 0 || memchr(data, '\0', size));
    } else {
        struct json_obstacle obstacle;
        json_t *own = json_value(value, 0, &obstacle);
        fuzz_check(tree || is_range_error(&error));
        fuzz_check(tree ? json_equal(own, tree) : !own && obstacle.why);
        json_decref(own);
        check_within(value, text);
        check_parts(value, 0);
        check_message(value);
    }
    json_decref(tree);
    return 0;
}
