#include "handlers/mcp/headers.h"

#include "handlers/rpc/base64.h"
#include "handlers/rpc/http.h"
#include "proto/jsontext.h"

#include <stdio.h>
#include <stdlib.h>

#define VALUE_MAX 4096 /* bytes of a value that can be compared */

static void refuse(struct mcp *mcp, struct request *request, const struct message *message, int code,
                   const char *words, const char *data) {
    struct text text = {0};
    mcp->stats.mcp_refused++;
    text_add_constant(&text, "{\"jsonrpc\":\"2.0\",\"id\":");
    text_add(&text, message->id);
    text_add_constant(&text, ",\"error\":{\"code\":");
    text_add_number(&text, code);
    text_add_constant(&text, ",\"message\":");
    text_add_quoted(&text, span_text(words));
    if (data) {
        text_add_constant(&text, ",\"data\":");
        text_add_constant(&text, data);
    }
    text_add_constant(&text, "}}");
    size_t n = text.n;
    char *bytes = text_take(&text);
    if (bytes)
        rpc_http_reply(request, 400, bytes, n);
    else
        request_fail(request, STATUS_BUSY, "no memory; try again");
}

static struct span member_of(struct span object, const char *wanted) {
    struct span rest, name, value, found = {0};
    if (!object.p || jsontext_kind(object) != JSONTEXT_OBJECT)
        return found;
    rest = jsontext_inside(object);
    while (jsontext_member(&rest, &name, &value))
        if (jsontext_is(name, wanted))
            found = value;
    return found;
}

/* The header's value, decoded from =?base64?...?= if it is that. False: malformed. */
static bool decode_value(struct span header, char *room, size_t size, struct span *out) {
    static const char start[] = "=?base64?", stop[] = "?=";
    size_t before = sizeof(start) - 1, after = sizeof(stop) - 1;
    *out = header;
    for (size_t i = 0; i < header.n; i++)
        if ((unsigned char)header.p[i] >= 0x7f || ((unsigned char)header.p[i] < 0x20 && header.p[i] != '\t'))
            return false;
    if (header.n < before + after || memcmp(header.p, start, before) != 0 ||
        memcmp(header.p + header.n - after, stop, after) != 0)
        return true;
    ssize_t n = base64_decode(span_of(header.p + before, header.n - before - after), room, size);
    *out = span_of(room, n < 0 ? 0 : (size_t)n);
    return n >= 0;
}

/* Does the header say what the body's string says? */
static bool says(struct span header, struct span string, bool encoded) {
    char room[VALUE_MAX], text[VALUE_MAX];
    struct span value = header;
    if (!header.p || !string.p || jsontext_kind(string) != JSONTEXT_STRING ||
        (encoded && !decode_value(header, room, sizeof(room), &value)))
        return false;
    ssize_t n = jsontext_string(string, text, sizeof(text));
    return n >= 0 && span_equal(value, span_of(text, (size_t)n));
}

/* Does the header say what the argument says? Numbers are compared as such. */
static bool same_value(struct span header, struct span value) {
    char text[64];
    enum jsontext_kind kind = jsontext_kind(value);
    if (kind == JSONTEXT_STRING)
        return says(header, value, true);
    if (kind != JSONTEXT_NUMBER)
        return span_equal(header, value);
    if (header.n == 0 || header.n >= sizeof(text) || value.n >= sizeof(text))
        return false;
    memcpy(text, header.p, header.n);
    text[header.n] = '\0';
    char *end;
    double said = strtod(text, &end);
    if (*end)
        return false;
    memcpy(text, value.p, value.n);
    text[value.n] = '\0';
    return said == strtod(text, NULL);
}

/* The member of params that Mcp-Name mirrors; NULL: the method has none. */
static const char *name_member(struct span method) {
    if (jsontext_is(method, "tools/call") || jsontext_is(method, "prompts/get"))
        return "name";
    return jsontext_is(method, "resources/read") ? "uri" : NULL;
}

/* Mcp-Param-*: what parameters marked with a header name must be mirrored by. NULL: all is well. */
static const char *check_params(const struct mcp *mcp, const struct exchange *exchange, struct span params) {
    char name[128], field[160];
    struct span quoted = member_of(params, "name"), arguments = member_of(params, "arguments");
    ssize_t n = jsontext_string(quoted, name, sizeof(name) - 1);
    if (n < 0)
        return NULL;
    name[n] = '\0';
    const struct rpc_method *tool = rpc_find(mcp->rpc, name, RPC_TOOL);
    for (unsigned i = 0; tool && i < tool->params_count; i++) {
        const struct rpc_param *param = &tool->params[i];
        if (!param->header)
            continue;
        snprintf(field, sizeof(field), "Mcp-Param-%s", param->header);
        struct span header = exchange_field(exchange, field), value = member_of(arguments, param->name);
        bool given = value.p && jsontext_kind(value) != JSONTEXT_NULL;
        if (!given && !header.p)
            continue;
        if (!given || !header.p || !same_value(header, value))
            return "Header mismatch: an Mcp-Param header does not match its argument";
    }
    return NULL;
}

bool headers_match(struct mcp *mcp, struct request *request, const struct exchange *exchange,
                   const struct message *message) {
    struct span version = exchange_field(exchange, "MCP-Protocol-Version");
    struct span said = member_of(member_of(message->params, "_meta"), MCP_META("protocolVersion"));
    const char *why = NULL, *member = message->method.p ? name_member(message->method) : NULL;
    if (message->kind != MESSAGE_CALL)
        return true;
    if (version.p && !said.p && !span_equal(version, span_text(MCP_MODERN))) {
        refuse(mcp, request, message, MCP_UNSUPPORTED_VERSION, "Unsupported protocol version",
               "{\"supported\":[\"" MCP_MODERN "\"]}");
        return false;
    }
    if (!version.p)
        why = "Header mismatch: MCP-Protocol-Version is missing";
    else if (said.p && !says(version, said, false))
        why = "Header mismatch: MCP-Protocol-Version does not match _meta";
    else if (said.p && !jsontext_is(said, MCP_MODERN))
        return true; /* another version has other rules: it is refused as such */
    else if (!says(exchange_field(exchange, "Mcp-Method"), message->method, false))
        why = "Header mismatch: Mcp-Method is missing or does not match the method";
    else if (member && !says(exchange_field(exchange, "Mcp-Name"), member_of(message->params, member), true))
        why = "Header mismatch: Mcp-Name is missing or does not match the body";
    else if (member && jsontext_is(message->method, "tools/call"))
        why = check_params(mcp, exchange, message->params);
    if (!why)
        return true;
    refuse(mcp, request, message, MCP_HEADER_MISMATCH, why, NULL);
    return false;
}
