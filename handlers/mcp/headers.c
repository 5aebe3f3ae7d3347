#include "handlers/mcp/headers.h"

#include "handlers/mcp/http.h"
#include "handlers/rpc/base64.h"
#include "proto/jsontext.h"

#include <stdio.h>
#include <stdlib.h>

#define VALUE_MAX 4096 /* bytes of a value that can be compared */

static void refuse_version(struct mcp *mcp, struct request *request, const struct message *message,
                           struct span requested) {
    struct text data = {0};
    text_add_constant(&data, "{\"supported\":[\"" MCP_MODERN "\"],\"requested\":");
    text_add_quoted(&data, requested);
    text_add_constant(&data, "}");
    mcp->stats.mcp_refused++;
    mcp_http_refuse(request, 400, MCP_UNSUPPORTED_VERSION, "Unsupported protocol version",
                    span_of(data.p, data.n), message->id);
    text_free(&data);
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

static bool is_number(struct span text, double *number) {
    char room[64];
    struct span value;
    if (text.n >= sizeof(room) || jsontext_check(text, 0, &value) || jsontext_kind(value) != JSONTEXT_NUMBER)
        return false;
    memcpy(room, value.p, value.n);
    room[value.n] = '\0';
    *number = strtod(room, NULL);
    return true;
}

/* Does the header say what the argument says? Numbers are compared as such. */
static bool same_value(struct span header, struct span value) {
    char room[VALUE_MAX];
    double said, meant;
    enum jsontext_kind kind = jsontext_kind(value);
    if (kind == JSONTEXT_STRING)
        return says(header, value, true);
    if (!decode_value(header, room, sizeof(room), &header))
        return false;
    if (kind != JSONTEXT_NUMBER)
        return span_equal(header, value);
    return is_number(header, &said) && is_number(value, &meant) && said == meant;
}

/* The field's value if there is exactly one; p is NULL otherwise: of several, others might use another one. */
static struct span field_of(const struct exchange *exchange, const char *name) {
    struct span value;
    return http1_fields_find(&exchange->head.fields, span_text(name), &value) == 1 ? value : span_of(NULL, 0);
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
    struct span quoted = jsontext_find(params, "name"), arguments = jsontext_find(params, "arguments");
    ssize_t n = jsontext_string(quoted, name, sizeof(name) - 1);
    if (n < 0)
        return NULL;
    name[n] = '\0';
    const struct rpc_method *tool = mcp_find_tool(mcp->rpc, name);
    for (unsigned i = 0; tool && i < tool->params_count; i++) {
        const struct rpc_param *param = &tool->params[i];
        if (!param->header)
            continue;
        snprintf(field, sizeof(field), "Mcp-Param-%s", param->header);
        struct span header = field_of(exchange, field), value = jsontext_find(arguments, param->name);
        bool given = value.p && jsontext_kind(value) != JSONTEXT_NULL;
        if (!given && !exchange_field(exchange, field).p)
            continue;
        if (!given || !header.p || !same_value(header, value))
            return "Header mismatch: an Mcp-Param header does not match its argument";
    }
    return NULL;
}

bool headers_match(struct mcp *mcp, struct request *request, const struct exchange *exchange,
                   const struct message *message) {
    struct span version = field_of(exchange, "MCP-Protocol-Version");
    struct span said = jsontext_find(jsontext_find(message->params, "_meta"), MCP_META("protocolVersion"));
    const char *why = NULL, *member = message->method.p ? name_member(message->method) : NULL;
    if (message->kind != MESSAGE_CALL)
        return true;
    if (version.p && !said.p && !span_equal(version, span_text(MCP_MODERN))) {
        refuse_version(mcp, request, message, version);
        return false;
    }
    if (!version.p)
        why = "Header mismatch: MCP-Protocol-Version is missing, or stands several times";
    else if (said.p && !says(version, said, false))
        why = "Header mismatch: MCP-Protocol-Version does not match _meta";
    else if (said.p && !jsontext_is(said, MCP_MODERN))
        return true; /* another version has other rules: it is refused as such */
    else if (!says(field_of(exchange, "Mcp-Method"), message->method, false))
        why = "Header mismatch: Mcp-Method is missing or does not match the method";
    else if (member && !says(field_of(exchange, "Mcp-Name"), jsontext_find(message->params, member), true))
        why = "Header mismatch: Mcp-Name is missing or does not match the body";
    else if (member && jsontext_is(message->method, "tools/call"))
        why = check_params(mcp, exchange, message->params);
    if (!why)
        return true;
    mcp->stats.mcp_refused++;
    mcp_http_refuse(request, 400, MCP_HEADER_MISMATCH, why, span_of(NULL, 0), message->id);
    return false;
}
