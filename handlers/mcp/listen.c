/* subscriptions/listen (2026-07-28): a call that stays open and carries what changes, as far as it was asked for.
 *
 *     call -> acknowledged, with what will be told -> notifications with the call's id ... -> cancelled, or a drain */
#include "handlers/mcp/mcp.h"
#include "handlers/mcp/watch.h"
#include "handlers/rpc/message.h"

#include <stdlib.h>

#define LISTENING_MAX 1000

struct listening {
    LIST_ENTRY(listening) link;
    struct rpc_call *call;
};

static void end(struct listening *listening) {
    struct rpc_call *call = listening->call;
    LIST_REMOVE(listening, link);
    call->waiting = NULL;
    free(listening);
    rpc_silence(call);
}

static void cancelled(struct rpc_call *call) {
    end(call->state);
}

void mcp_listen_drain(struct mcp *mcp) {
    struct listening *listening;
    while ((listening = LIST_FIRST(&mcp->listening))) {
        struct rpc_call *call = listening->call;
        struct text text = {0};
        text_add_constant(
            &text, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":");
        text_add(&text, span_of(call->id, call->id_n));
        text_add_constant(&text, ",\"reason\":\"the server is shutting down\"}}");
        rpc_notify(call, span_of(text.p, text.n));
        text_free(&text);
        end(listening);
    }
}

static void acknowledge(struct rpc_call *call, const json_t *filter) {
    struct text text = {0};
    json_t *honoured = json_object(), *uris = json_object_get(filter, "resourceSubscriptions");
    if (json_is_array(uris))
        json_object_set(honoured, "resourceSubscriptions", uris);
    text_add_constant(
        &text, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/subscriptions/acknowledged\",\"params\":{"
               "\"_meta\":{\"" MCP_META("subscriptionId") "\":");
    text_add(&text, span_of(call->id, call->id_n));
    text_add_constant(&text, "},\"notifications\":");
    text_add_json(&text, honoured);
    text_add_constant(&text, "}}");
    rpc_notify(call, span_of(text.p, text.n));
    text_free(&text);
    json_decref(honoured);
}

static unsigned count(const struct mcp *mcp) {
    const struct listening *listening;
    unsigned n = 0;
    LIST_FOREACH (listening, &mcp->listening, link) {
        n++;
    }
    return n;
}

static void run_listen(struct rpc_call *call, json_t *params) {
    struct mcp *mcp = mcp_of(call);
    const json_t *filter = json_object_get(params, "notifications");
    struct listening *listening = count(mcp) < LISTENING_MAX ? malloc(sizeof(*listening)) : NULL;
    if (!json_is_object(filter) || !listening) {
        free(listening);
        if (json_is_object(filter))
            rpc_fail(call, STATUS_BUSY, "too many subscriptions are open");
        else
            rpc_error(call, MESSAGE_INVALID_PARAMS, "notifications must be an object", NULL);
        return;
    }
    listening->call = call;
    LIST_INSERT_HEAD(&mcp->listening, listening, link);
    call->state = listening;
    call->waiting = cancelled;
    mcp_watch(mcp);
    acknowledge(call, filter);
}

const struct rpc_method mcp_listen_rows[] = {
    {.name = "subscriptions/listen", .run = run_listen, .flags = RPC_MCP | RPC_UNCHECKED | RPC_MODERN},
};
const unsigned mcp_listen_rows_count = sizeof(mcp_listen_rows) / sizeof(mcp_listen_rows[0]);
