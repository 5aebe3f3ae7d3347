/* initialize, server/discover, logging/setLevel and the notifications of clients. */
#include "handlers/http/json_value.h"
#include "handlers/mcp/mcp.h"
#include "handlers/rpc/message.h"
#include "reactor/loop.h"

#include <openssl/rand.h>

const char *const mcp_legacy_versions[] = {"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", NULL};
#define NEWEST_LEGACY 3

int mcp_version_index(struct span version) {
    for (int i = 0; mcp_legacy_versions[i]; i++)
        if (span_equal(version, span_text(mcp_legacy_versions[i])))
            return i;
    return -1;
}

void mcp_add_identity(const struct rpc_call *call, struct text *out) {
    const struct rpc *rpc = call->batch->rpc;
    const char *tells = mcp_of(call)->settings.mcp_watches > 0 ? "true" : "false";
    text_add_constant(out,
                      "\"capabilities\":{\"tools\":{\"listChanged\":false},\"resources\":{\"subscribe\":");
    text_add_constant(out, tells);
    text_add_constant(out, ",\"listChanged\":");
    text_add_constant(out, tells);
    text_add_constant(out,
                      "},\"prompts\":{\"listChanged\":false},\"completions\":{},\"logging\":{}},"
                      "\"serverInfo\":{\"name\":\"sluice\",\"title\":\"sluice object server\",\"version\":");
    text_add_quoted(out, span_text(rpc->version ? rpc->version : "0"));
    text_add_constant(
        out, "},\"instructions\":\"Objects of this server are resources sluice:///KEY and can be listed, "
             "described and read by the tools object.list, object.info and object.read.\"");
}

/* An unknown version is answered with our newest (2025-11-25, lifecycle); none at all is a mistake. */
static void run_initialize(struct rpc_call *call, json_t *params) {
    struct mcp *mcp = mcp_of(call);
    if (call->batch->array) { /* 2025-03-26, lifecycle */
        rpc_error(call, MESSAGE_INVALID_REQUEST, "initialize is no part of a batch", NULL);
        return;
    }
    const char *asked = mcp_text_param(call, params, "protocolVersion");
    if (!asked)
        return;
    int version = mcp_version_index(span_text(asked));
    struct mcp_token token = {.version = (uint8_t)(version < 0 ? NEWEST_LEGACY : version),
                              .can = (uint8_t)mcp_abilities(json_object_get(params, "capabilities")),
                              .made = mcp_date(mcp)};
    if (RAND_bytes((unsigned char *)&token.nonce, sizeof(token.nonce)) != 1 ||
        !mcp_begin_session(call, &token)) {
        rpc_fail(call, STATUS_BUSY, "no room for another session; try again");
        return;
    }
    mcp->stats.mcp_initialized++;
    struct text out = {0};
    text_add_constant(&out, "{\"protocolVersion\":");
    text_add_quoted(&out, span_text(mcp_legacy_versions[token.version]));
    text_add_constant(&out, ",");
    mcp_add_identity(call, &out);
    text_add_constant(&out, "}");
    mcp_answer(call, &out);
}

static void run_discover(struct rpc_call *call, json_t *params) {
    struct text out = {0};
    (void)params;
    text_add_constant(&out, "{\"supportedVersions\":[\"" MCP_MODERN "\"],");
    mcp_add_identity(call, &out);
    text_add_constant(&out, "}");
    mcp_answer(call, &out);
}

static void run_set_level(struct rpc_call *call, json_t *params) {
    const char *name = json_string_value(json_object_get(params, "level"));
    int level = mcp_level_named(name);
    struct mcp_session *session = mcp_session_of(call, true);
    if (!session) {
        rpc_fail(call, STATUS_BUSY, "no session, or too many with state on this node (mcp_sessions)");
        return;
    }
    session->level = (enum mcp_level)level;
    rpc_result_text(call, span_text("{}"));
}

static void run_notice(struct rpc_call *call, json_t *params) {
    (void)params;
    rpc_silence(call);
}

/* Is it the call with this id? Ids are compared as values: "\u0041" is "A". */
static bool has_id(const struct rpc_call *call, const json_t *id) {
    struct json_obstacle obstacle;
    json_t *own = json_value(span_of(call->id, call->id_n), 0, &obstacle);
    bool same = own && json_equal(own, id);
    json_decref(own);
    return same;
}

/* The client's unfinished call with this id, other than the one that asks. NULL: there is none. */
static struct rpc_call *find(struct rpc_call *call, const json_t *id) {
    struct rpc_batch *batch;
    struct rpc_call *other;
    LIST_FOREACH (batch, &call->batch->rpc->batches, link) {
        LIST_FOREACH (other, &batch->calls, link) {
            if (other != call && !other->cancelled && mcp_same_client(call->batch, other) &&
                has_id(other, id))
                return other;
        }
    }
    return NULL;
}

static void run_cancelled(struct rpc_call *call, json_t *params) {
    const json_t *id = json_object_get(params, "requestId");
    struct rpc_call *other = id ? find(call, id) : NULL;
    if (other)
        rpc_cancel(other);
    rpc_silence(call);
}

#define LEVELS "debug|info|notice|warning|error|critical|alert|emergency"
static const struct rpc_param level_params[] = {
    {.name = "level", .type = RPC_STRING, .required = true, .choices = LEVELS, .help = "least level"}};

const struct rpc_method mcp_lifecycle_rows[] = {
    {.name = "initialize", .run = run_initialize, .flags = RPC_MCP | RPC_UNCHECKED | RPC_LEGACY},
    {.name = "server/discover", .run = run_discover, .flags = RPC_MCP | RPC_UNCHECKED | RPC_MODERN},
    {.name = "logging/setLevel",
     .params = level_params,
     .params_count = 1,
     .run = run_set_level,
     .flags = RPC_MCP | RPC_LEGACY},
    {.name = "notifications/initialized", .run = run_notice, .flags = RPC_MCP | RPC_UNCHECKED | RPC_NOTICE},
    {.name = "notifications/cancelled", .run = run_cancelled, .flags = RPC_MCP | RPC_UNCHECKED | RPC_NOTICE},
    {.name = "notifications/progress", .run = run_notice, .flags = RPC_MCP | RPC_UNCHECKED | RPC_NOTICE},
    {.name = "notifications/roots/list_changed",
     .run = run_notice,
     .flags = RPC_MCP | RPC_UNCHECKED | RPC_NOTICE},
};
const unsigned mcp_lifecycle_rows_count = sizeof(mcp_lifecycle_rows) / sizeof(mcp_lifecycle_rows[0]);
