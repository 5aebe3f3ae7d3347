/* subscriptions/listen (2026-07-28): a call that stays open and carries what changes, as far as it was asked for.
 *
 *     call -> acknowledged, with what will be told -> notifications with the call's id ... -> cancelled: nothing
 *                                                                                          -> a drain: the result */
#include "handlers/mcp/mcp.h"
#include "handlers/mcp/watch.h"
#include "handlers/rpc/message.h"
#include "reactor/container.h"

#include <stddef.h>
#include <stdlib.h>

#define LISTENING_MAX 1000
#define ID_MAX        1024 /* bytes of an id, which every notification repeats */

struct listening {
    LIST_ENTRY(listening) link;
    struct rpc_call *call;
    struct subscriber subscriber;
    bool lists;   /* wants to know of other resources */
    bool begun;   /* it was acknowledged */
    bool closing; /* by the server */
};

/* The result of a subscription that the server ends (2026-07-28, Subscriptions, "Graceful Closure"). */
static void complete(struct rpc_call *call) {
    struct text out = {0};
    text_add_constant(&out, "{\"_meta\":{\"" MCP_META("subscriptionId") "\":");
    text_add(&out, span_of(call->id, call->id_n));
    text_add_constant(&out, ",");
    mcp_add_server_info(call, &out);
    text_add_constant(&out, "}}");
    mcp_answer(call, &out);
}

static void leave(struct rpc_call *call) {
    struct listening *listening = call->state;
    LIST_REMOVE(listening, link);
    subscriber_clear(&mcp_of(call)->news.subscriptions, &listening->subscriber);
    call->waiting = NULL;
    free(listening);
}

static void end(struct rpc_call *call) {
    const struct listening *listening = call->state;
    bool begun = listening->begun, closing = listening->closing;
    leave(call);
    if (!closing)
        rpc_silence(call);
    else if (begun)
        complete(call);
    else
        rpc_fail(call, STATUS_SHUTTING_DOWN, "the server is shutting down");
}

void mcp_listen_drain(struct mcp *mcp) {
    struct listening *listening;
    while ((listening = LIST_FIRST(&mcp->listening))) {
        listening->closing = true;
        listening->call->waiting(listening->call);
    }
}

/* ---- notifications: each one says whose it is ------------------------------------------------------ */

static void begin(struct text *text, const struct rpc_call *call, const char *method) {
    text_add_constant(text, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/");
    text_add_constant(text, method);
    text_add_constant(text, "\",\"params\":{\"_meta\":{\"" MCP_META("subscriptionId") "\":");
    text_add(text, span_of(call->id, call->id_n));
    text_add_constant(text, "}");
}

/* False: it does not reach the client. */
static bool finish(struct text *text, struct rpc_call *call) {
    text_add_constant(text, "}}");
    bool sent = !text->failed && rpc_notify(call, span_of(text->p, text->n));
    text_free(text);
    return sent;
}

static void tell_updated(struct subscriber *subscriber, const char *uri) {
    const struct listening *listening = CONTAINER_OF(subscriber, struct listening, subscriber);
    struct text text = {0};
    if (!listening->begun)
        return;
    begin(&text, listening->call, "resources/updated");
    text_add_constant(&text, ",\"uri\":");
    text_add_quoted(&text, span_text(uri));
    finish(&text, listening->call);
}

void mcp_listen_tell_list(struct mcp *mcp) {
    const struct listening *listening;
    LIST_FOREACH (listening, &mcp->listening, link) {
        struct text text = {0};
        if (!listening->lists || !listening->begun)
            continue;
        begin(&text, listening->call, "resources/list_changed");
        finish(&text, listening->call);
    }
}

/* Acknowledges the part of the filter that will be honoured. */
static void acknowledge(struct rpc_call *call) {
    struct listening *listening = call->state;
    struct text text = {0};
    const struct subscription *subscription;
    const char *before = listening->lists ? "\"resourcesListChanged\":true,\"resourceSubscriptions\":["
                                          : "\"resourceSubscriptions\":[";
    begin(&text, call, "subscriptions/acknowledged");
    text_add_constant(&text, ",\"notifications\":{");
    LIST_FOREACH (subscription, &listening->subscriber.list, of_subscriber) {
        text_add_constant(&text, before);
        text_add_quoted(&text, span_text(subscription->uri));
        before = ",";
    }
    if (listening->subscriber.count > 0)
        text_add_constant(&text, "]");
    else if (listening->lists)
        text_add_constant(&text, "\"resourcesListChanged\":true");
    text_add_constant(&text, "}");
    listening->begun = finish(&text, call);
    if (listening->begun)
        return;
    leave(call);
    rpc_error(call, MESSAGE_INVALID_REQUEST, "the client takes no events, or none at present", NULL);
}

/* ---- the call -------------------------------------------------------------------------------------- */

static unsigned count(const struct mcp *mcp) {
    const struct listening *listening;
    unsigned n = 0;
    LIST_FOREACH (listening, &mcp->listening, link) {
        n++;
    }
    return n;
}

/* False: the call was answered. */
static bool subscribe(struct rpc_call *call, struct listening *listening, const json_t *uris) {
    struct rpc_complaint complaint = {"/notifications/resourceSubscriptions", "must be an array of strings"};
    size_t i;
    json_t *uri;
    if (uris && !json_is_array(uris)) {
        rpc_complain(call, &complaint);
        return false;
    }
    json_array_foreach (uris, i, uri) {
        if (!json_is_string(uri)) {
            rpc_complain(call, &complaint);
            return false;
        }
        int error = news_subscribe(&mcp_of(call)->news, &listening->subscriber, json_string_value(uri));
        if (error) {
            news_refuse(call, error);
            return false;
        }
    }
    return true;
}

/* A subscription may last long: frees its parameters, of which only the filter is still needed. */
static void forget_params(struct rpc_call *call) {
    json_decref(call->params);
    json_decref(call->meta);
    call->params = call->meta = NULL;
}

static void run_listen(struct rpc_call *call, json_t *params) {
    struct mcp *mcp = mcp_of(call);
    const json_t *filter = json_object_get(params, "notifications");
    if (!json_is_object(filter)) {
        rpc_error(call, MESSAGE_INVALID_PARAMS, "notifications must be an object", NULL);
        return;
    }
    if (call->id_n > ID_MAX) {
        rpc_error(call, MESSAGE_INVALID_REQUEST, "the id of a subscription is too long", NULL);
        return;
    }
    struct listening *listening = count(mcp) < LISTENING_MAX ? calloc(1, sizeof(*listening)) : NULL;
    if (!listening) {
        rpc_fail(call, STATUS_BUSY, "too many subscriptions are open");
        return;
    }
    listening->call = call;
    bool tells = mcp->settings.mcp_watches > 0;
    listening->lists = tells && json_is_true(json_object_get(filter, "resourcesListChanged"));
    subscriber_init(&listening->subscriber, tell_updated);
    news_join(&mcp->news);
    if (tells && !subscribe(call, listening, json_object_get(filter, "resourceSubscriptions"))) {
        subscriber_clear(&mcp->news.subscriptions, &listening->subscriber);
        free(listening);
        return;
    }
    LIST_INSERT_HEAD(&mcp->listening, listening, link);
    call->state = listening;
    call->waiting = end;
    forget_params(call);
    rpc_await_client(call, true);
    mcp_watch(mcp);
    news_when_ready(&mcp->news, call, acknowledge);
}

const struct rpc_method mcp_listen_rows[] = {
    {.name = "subscriptions/listen", .run = run_listen, .flags = RPC_MCP | RPC_UNCHECKED | RPC_MODERN},
};
const unsigned mcp_listen_rows_count = sizeof(mcp_listen_rows) / sizeof(mcp_listen_rows[0]);
