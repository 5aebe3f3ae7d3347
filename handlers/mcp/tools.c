/* tools/list and tools/call: rpc's methods as tools. */
#include "handlers/mcp/mcp.h"
#include "handlers/rpc/message.h"
#include "proto/jsontext.h"

#include <stdio.h>
#include <stdlib.h>

#define NAME_ROOM 128

/* ---- results --------------------------------------------------------------------------------------- */

static void add_content(struct rpc_call *call, struct text *out, struct span text, struct span structured,
                        bool failed) {
    struct text result = {0};
    text_add_constant(&result, "{\"content\":[{\"type\":\"text\",\"text\":");
    text_add_quoted(&result, text);
    text_add_constant(&result, "}]");
    if (structured.n) {
        text_add_constant(&result, ",\"structuredContent\":");
        text_add(&result, structured);
    }
    text_add_constant(&result, failed ? ",\"isError\":true}" : ",\"isError\":false}");
    if (result.failed)
        out->failed = true;
    else if (call->modern)
        mcp_modern_wrap.result(call, out, span_of(result.p, result.n));
    else
        text_add(out, span_of(result.p, result.n));
    text_free(&result);
}

static void tool_result(struct rpc_call *call, struct text *out, struct span json) {
    bool structured = call->modern || jsontext_kind(json) == JSONTEXT_OBJECT;
    if (!(call->method->flags & RPC_CONTENT))
        add_content(call, out, json, structured ? json : span_of(NULL, 0), false);
    else if (call->modern)
        mcp_modern_wrap.result(call, out, json);
    else
        text_add(out, json);
}

/* A tool's failure becomes its result, for the model to read; violations of the protocol stay errors. */
static bool tool_error(struct rpc_call *call, struct text *out, int code, const char *message,
                       const json_t *data) {
    const char *path = json_string_value(json_object_get(data, "path"));
    const char *reason = json_string_value(json_object_get(data, "reason"));
    char text[512];
    if (mcp_is_own_code(call, code))
        return false;
    if (path)
        snprintf(text, sizeof(text), "%s: %s %s", message, path, reason ? reason : "");
    else
        snprintf(text, sizeof(text), "%s", message ? message : "error");
    add_content(call, out, span_text(text), span_of(NULL, 0), true);
    return true;
}

const struct rpc_wrap mcp_tool_wrap = {.result = tool_result, .error = tool_error};

/* ---- calls ------------------------------------------------------------------------------------------ */

/* Some clients allow no dots in names and send underscores instead. */
const struct rpc_method *mcp_find_tool(const struct rpc *rpc, const char *name) {
    char dotted[NAME_ROOM];
    const struct rpc_method *tool = rpc_find(rpc, name, RPC_TOOL);
    const char *underscore = strchr(name, '_');
    if (tool || !underscore || strlen(name) >= sizeof(dotted))
        return tool;
    strcpy(dotted, name);
    dotted[underscore - name] = '.';
    return rpc_find(rpc, dotted, RPC_TOOL);
}

static void run_call(struct rpc_call *call, json_t *params) {
    const char *name = mcp_text_param(call, params, "name");
    if (!name)
        return;
    const struct rpc_method *tool = mcp_find_tool(call->batch->rpc, name);
    json_t *arguments = json_object_get(params, "arguments");
    if (!tool || (tool->flags & RPC_ADMIN && !rpc_has_admin(call))) {
        mcp_unknown(call, "Unknown tool", name);
        return;
    }
    if (arguments && !json_is_object(arguments)) {
        struct rpc_complaint complaint = {"/arguments", "must be an object"};
        rpc_complain(call, &complaint);
        return;
    }
    mcp_of(call)->stats.mcp_tools++;
    arguments = arguments ? json_incref(arguments) : json_object();
    call->message = call->params;
    call->params = arguments;
    call->method = tool;
    call->wrap = &mcp_tool_wrap;
    rpc_run_method(call);
}

/* ---- the list --------------------------------------------------------------------------------------- */

static json_t *annotations(const struct rpc_method *method) {
    bool reads = method->flags & RPC_READ_ONLY;
    json_t *hints = json_pack("{s:b, s:b, s:b, s:b}", "readOnlyHint", reads, "destructiveHint",
                              (method->flags & RPC_DESTRUCTIVE) != 0, "idempotentHint",
                              (method->flags & RPC_IDEMPOTENT) != 0, "openWorldHint", 0);
    if (method->title)
        json_object_set_new(hints, "title", json_string(method->title));
    return hints;
}

/* The type must be "object": clients accept nothing else, and drop the whole list if one tool's schema does not say
 * so. */
static json_t *input_schema(const struct rpc_method *method) {
    json_t *schema = method->schema ? json_loads(method->schema, 0, NULL) : rpc_params_schema(method);
    json_object_set_new(schema, "type", json_string("object"));
    return schema;
}

/* NULL: none. Until 2025-11-25 what has a structure is an object. */
static json_t *output_schema(const struct rpc_method *method, bool modern) {
    if (!method->result || method->flags & RPC_CONTENT)
        return NULL;
    json_t *schema = json_loads(method->result, 0, NULL);
    const char *type = json_string_value(json_object_get(schema, "type"));
    if (modern || (type && strcmp(type, "object") == 0))
        return schema;
    json_decref(schema);
    return NULL;
}

static void add_tool(struct text *out, const struct rpc_method *method, bool modern) {
    json_t *tool = json_pack("{s:s, s:s, s:o, s:o}", "name", method->name, "description",
                             method->help ? method->help : "", "inputSchema", input_schema(method),
                             "annotations", annotations(method));
    if (method->title)
        json_object_set_new(tool, "title", json_string(method->title));
    json_t *schema = output_schema(method, modern);
    if (schema)
        json_object_set_new(tool, "outputSchema", schema);
    text_add_json(out, tool);
    json_decref(tool);
}

static void run_list(struct rpc_call *call, json_t *params) {
    const struct rpc *rpc = call->batch->rpc;
    bool admin = rpc_has_admin(call), any = false;
    struct text out = {0};
    if (mcp_is_beyond(call, params))
        return;
    text_add_constant(&out, "{\"tools\":[");
    for (unsigned i = 0; i < rpc->methods_count; i++) {
        const struct rpc_method *method = rpc->methods[i];
        if (!(method->flags & RPC_TOOL) || (method->flags & RPC_ADMIN && !admin))
            continue;
        if (any)
            text_add_constant(&out, ",");
        any = true;
        add_tool(&out, method, call->modern);
    }
    text_add_constant(&out, "]}");
    mcp_answer(call, &out);
}

const struct rpc_method mcp_tools_rows[] = {
    {.name = "tools/list", .run = run_list, .flags = RPC_MCP | RPC_UNCHECKED},
    {.name = "tools/call", .run = run_call, .flags = RPC_MCP | RPC_UNCHECKED},
};
const unsigned mcp_tools_rows_count = sizeof(mcp_tools_rows) / sizeof(mcp_tools_rows[0]);
