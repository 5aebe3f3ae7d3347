/* prompts/... and completion/complete: two prompts of our own, and those of others. */
#include "handlers/mcp/mcp.h"
#include "handlers/mcp/registry.h"
#include "handlers/rpc/message.h"

#define COMPLETIONS 100 /* most values of an answer (2025-11-25, Completion) */

#define EXPLAIN "explain-object"
#define HEALTH  "server-health"

static const char own_prompts[] =
    "{\"name\":\"" EXPLAIN
    "\",\"title\":\"Explain an object\",\"description\":\"Reads an object and explains what it "
    "is.\",\"arguments\":[{\"name\":\"key\",\"description\":\"the object's key\",\"required\":true}]},"
    "{\"name\":\"" HEALTH
    "\",\"title\":\"Judge the server\",\"description\":\"Looks at the server's statistics and "
    "says what stands out.\",\"arguments\":[]}";

static void run_list(struct rpc_call *call, json_t *params) {
    struct text out = {0};
    if (mcp_is_beyond(call, params))
        return;
    text_add_constant(&out, "{\"prompts\":[");
    text_add_constant(&out, own_prompts);
    registry_add_prompts(call, &out);
    text_add_constant(&out, "]}");
    mcp_answer(call, &out);
}

static void add_message(struct text *out, const char *words) {
    text_add_constant(out, "{\"role\":\"user\",\"content\":{\"type\":\"text\",\"text\":");
    text_add_quoted(out, span_text(words));
    text_add_constant(out, "}}");
}

static void was_read(struct rpc_call *call, const struct object_bytes *read) {
    struct text out = {0};
    text_add_constant(&out,
                      "{\"description\":\"Explain an object\",\"messages\":[{\"role\":\"user\",\"content\":{"
                      "\"type\":\"resource\",\"resource\":");
    mcp_add_contents(&out, read);
    text_add_constant(&out, "}},");
    add_message(&out, read->more
                          ? "This is the beginning of an object. Explain what it is and what it is for."
                          : "Explain what this object is and what it is for.");
    text_add_constant(&out, "]}");
    mcp_answer(call, &out);
}

static void get_health(struct rpc_call *call) {
    struct text out = {0};
    text_add_constant(&out, "{\"description\":\"Judge the server\",\"messages\":[");
    add_message(
        &out,
        "Call the tool stats.get. Tell what stands out: refused or cut connections, errors, full queues, "
        "slow handlers, descriptors in flight. Name the counters you judge by.");
    text_add_constant(&out, "]}");
    mcp_answer(call, &out);
}

/* A prompt's missing argument is an error that names it. */
static bool has_arguments(struct rpc_call *call, const struct rpc_method *prompt, const json_t *given) {
    json_t *wanted = prompt->schema ? json_loads(prompt->schema, 0, NULL) : NULL, *argument;
    size_t i;
    bool good = true;
    json_array_foreach (wanted, i, argument) {
        const char *name = json_string_value(json_object_get(argument, "name"));
        if (good && name && json_is_true(json_object_get(argument, "required")) &&
            !json_object_get(given, name)) {
            mcp_unknown(call, "Missing argument", name);
            good = false;
        }
    }
    json_decref(wanted);
    return good;
}

/* Arguments are an object of strings (2025-11-25, Prompts). False: the call was answered. */
static bool are_texts(struct rpc_call *call, json_t *arguments) {
    struct rpc_complaint complaint = {"/arguments", "must be an object"};
    bool good = !arguments || json_is_object(arguments);
    const char *name;
    json_t *value;
    json_object_foreach (arguments, name, value) {
        if (!good || json_is_string(value))
            continue;
        good = false;
        complaint = (struct rpc_complaint){.reason = "must be a string"};
        rpc_point(&complaint, "/arguments", name);
    }
    if (!good)
        rpc_complain(call, &complaint);
    return good;
}

static void run_get(struct rpc_call *call, json_t *params) {
    struct mcp *mcp = mcp_of(call);
    json_t *arguments = json_object_get(params, "arguments");
    const char *name = mcp_text_param(call, params, "name");
    if (!name || !are_texts(call, arguments))
        return;
    const char *key = json_string_value(json_object_get(arguments, "key"));
    const struct rpc_method *prompt = registry_prompt(mcp, name);
    if (strcmp(name, EXPLAIN) == 0 && key) {
        object_read(mcp->objects, call, span_text(key), 0, 0, was_read);
    } else if (strcmp(name, EXPLAIN) == 0) {
        mcp_unknown(call, "Missing argument", "key");
    } else if (strcmp(name, HEALTH) == 0) {
        get_health(call);
    } else if (!prompt) {
        mcp_unknown(call, "Unknown prompt", name);
    } else if (has_arguments(call, prompt, arguments)) {
        call->message = call->params;
        call->params = arguments ? json_incref(arguments) : json_object();
        call->method = prompt;
        rpc_run_method(call);
    }
}

/* ---- completion -------------------------------------------------------------------------------------- */

static void was_listed(struct rpc_call *call, const struct object_keys *list) {
    struct text out = {0};
    text_add_constant(&out, "{\"completion\":{\"values\":[");
    object_keys_add(&out, list);
    text_add_constant(&out, list->more ? "],\"hasMore\":true}}" : "],\"hasMore\":false}}");
    mcp_answer(call, &out);
}

/* Completes keys, for our template and our prompt; nothing is known about arguments of others. */
static void run_complete(struct rpc_call *call, json_t *params) {
    const json_t *ref = json_object_get(params, "ref"), *argument = json_object_get(params, "argument");
    const char *type = json_string_value(json_object_get(ref, "type"));
    const char *name = json_string_value(json_object_get(argument, "name"));
    const char *value = json_string_value(json_object_get(argument, "value"));
    if (!type || !name || !value || (strcmp(type, "ref/prompt") != 0 && strcmp(type, "ref/resource") != 0)) {
        struct rpc_complaint complaint = {"/ref", "ref or argument is missing or malformed"};
        rpc_complain(call, &complaint);
        return;
    }
    const char *prompt = json_string_value(json_object_get(ref, "name"));
    const char *uri = json_string_value(json_object_get(ref, "uri"));
    bool keys = strcmp(name, "key") == 0 &&
                ((prompt && strcmp(prompt, EXPLAIN) == 0) || (uri && strncmp(uri, "sluice:///", 10) == 0));
    if (keys)
        object_list(mcp_of(call)->objects, call, value, "", COMPLETIONS, was_listed);
    else
        rpc_result_text(call, span_text("{\"completion\":{\"values\":[],\"total\":0,\"hasMore\":false}}"));
}

const struct rpc_method mcp_prompts_rows[] = {
    {.name = "prompts/list", .run = run_list, .flags = RPC_MCP | RPC_UNCHECKED},
    {.name = "prompts/get", .run = run_get, .flags = RPC_MCP | RPC_UNCHECKED},
    {.name = "completion/complete", .run = run_complete, .flags = RPC_MCP | RPC_UNCHECKED},
};
const unsigned mcp_prompts_rows_count = sizeof(mcp_prompts_rows) / sizeof(mcp_prompts_rows[0]);
