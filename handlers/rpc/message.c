#include "handlers/rpc/message.h"

#include "proto/jsontext.h"

static bool is_id(struct span value) {
    enum jsontext_kind kind = jsontext_kind(value);
    return kind == JSONTEXT_STRING || kind == JSONTEXT_NUMBER || kind == JSONTEXT_NULL;
}

static bool is_structured(struct span value) {
    enum jsontext_kind kind = jsontext_kind(value);
    return kind == JSONTEXT_OBJECT || kind == JSONTEXT_ARRAY;
}

static bool is_text(struct span value, const char *text) {
    return value.p && jsontext_kind(value) == JSONTEXT_STRING && jsontext_is(value, text);
}

static void take_member(struct message *out, struct span name, struct span value, struct span *version) {
    const struct {
        const char *name;
        struct span *place;
    } known[] = {{"jsonrpc", version},     {"id", &out->id},         {"method", &out->method},
                 {"params", &out->params}, {"result", &out->result}, {"error", &out->error}};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (jsontext_is(name, known[i].name)) {
            *known[i].place = value;
            return;
        }
    }
}

static enum message_kind judge(const struct message *message, struct span version, bool good_id) {
    if (!is_text(version, "2.0") || !good_id)
        return MESSAGE_INVALID;
    if (!message->method.p)
        return message->id.p && !message->result.p != !message->error.p ? MESSAGE_REPLY : MESSAGE_INVALID;
    if (jsontext_kind(message->method) != JSONTEXT_STRING ||
        (message->params.p && !is_structured(message->params)))
        return MESSAGE_INVALID;
    return message->id.p ? MESSAGE_CALL : MESSAGE_NOTIFICATION;
}

void message_decode(struct span value, struct message *out) {
    struct span version = {0};
    *out = (struct message){.kind = MESSAGE_INVALID};
    if (jsontext_kind(value) == JSONTEXT_OBJECT) {
        struct span rest = jsontext_inside(value), name, member;
        while (jsontext_member(&rest, &name, &member))
            take_member(out, name, member, &version);
        bool good_id = !out->id.p || is_id(out->id);
        out->kind = judge(out, version, good_id);
        if (!good_id)
            out->id.p = NULL;
    }
    if (!out->id.p)
        out->id = span_text("null");
}

const char *message_of_code(int code) {
    switch (code) {
    case MESSAGE_PARSE_ERROR:
        return "Parse error";
    case MESSAGE_INVALID_REQUEST:
        return "Invalid Request";
    case MESSAGE_METHOD_NOT_FOUND:
        return "Method not found";
    case MESSAGE_INVALID_PARAMS:
        return "Invalid params";
    case MESSAGE_INTERNAL_ERROR:
        return "Internal error";
    default:
        return NULL;
    }
}

void message_add_error(struct text *out, int code, const char *words, struct span data, struct span id) {
    words = words ? words : message_of_code(code);
    text_add_constant(out, "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":");
    text_add_number(out, code);
    text_add_constant(out, ",\"message\":");
    text_add_quoted(out, span_text(words ? words : "Server error"));
    if (data.n) {
        text_add_constant(out, ",\"data\":");
        text_add(out, data);
    }
    text_add_constant(out, "},\"id\":");
    text_add(out, id);
    text_add_constant(out, "}");
}
