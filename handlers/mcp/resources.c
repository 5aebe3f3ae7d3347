/* resources/...: objects as resources, sluice:///KEY, and those that families or modules add. */
#include "handlers/mcp/mcp.h"
#include "handlers/mcp/registry.h"
#include "handlers/rpc/message.h"
#include "proto/uri.h"
#include "reactor/loop.h"

#include <stdio.h>
#include <stdlib.h>

#define PREFIX   "sluice:///"
#define URI_ROOM (sizeof(PREFIX) + 3 * OBJECT_KEY_MAX)

/* ---- URIs -------------------------------------------------------------------------------------------- */

/* Percent-encodes everything that is not unreserved, except the slashes of a key (RFC 3986, 2.3). */
void mcp_add_uri(struct text *out, struct span key) {
    char room[URI_ROOM] = PREFIX;
    size_t n = sizeof(PREFIX) - 1;
    for (size_t i = 0; i < key.n && n + 4 < sizeof(room); i++) {
        unsigned char c = (unsigned char)key.p[i];
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("-._~/", c))
            room[n++] = (char)c;
        else
            n += (size_t)snprintf(room + n, 4, "%%%02X", c);
    }
    text_add_quoted(out, span_of(room, n));
}

bool mcp_key_of(const char *uri, char *key, size_t size, size_t *n) {
    size_t prefix = sizeof(PREFIX) - 1;
    if (strncmp(uri, PREFIX, prefix) != 0)
        return false;
    ssize_t decoded = uri_decode(span_text(uri + prefix), key, size);
    *n = decoded < 0 ? 0 : (size_t)decoded;
    return decoded >= 0 && !object_key_check(span_of(key, *n));
}

static void not_found(struct rpc_call *call, const char *uri) {
    json_t *data = json_pack("{s:s}", "uri", uri);
    rpc_error(call, call->modern ? MESSAGE_INVALID_PARAMS : MCP_RESOURCE_NOT_FOUND, "Resource not found",
              data);
}

/* ---- lists ------------------------------------------------------------------------------------------- */

static void finish_list(struct rpc_call *call, struct text *out, struct span last) {
    text_add_constant(out, "]");
    if (last.n) {
        text_add_constant(out, ",\"nextCursor\":");
        base64_add(out, last);
    }
    text_add_constant(out, "}");
    mcp_answer(call, out);
}

static void add_object(struct text *out, const struct object_calls *calls, struct span key) {
    text_add_constant(out, "{\"uri\":");
    mcp_add_uri(out, key);
    text_add_constant(out, ",\"name\":");
    text_add_quoted(out, key);
    text_add_constant(out, ",\"mimeType\":");
    text_add_quoted(out, span_text(object_type(calls, key)));
    text_add_constant(out, "}");
}

static void was_listed(struct rpc_call *call, const struct object_keys *list) {
    struct mcp *mcp = mcp_of(call);
    struct text out = {0};
    struct span rest = span_of(list->keys, list->n), key = {0};
    text_add_constant(&out, "{\"resources\":[");
    bool any = !json_object_get(call->params, "cursor") && registry_add_resources(call, &out);
    while (object_keys_next(&rest, &key)) {
        if (any)
            text_add_constant(&out, ",");
        any = true;
        add_object(&out, mcp->objects, key);
    }
    finish_list(call, &out, list->more ? key : span_of(NULL, 0));
}

static void was_walked(struct rpc_call *call, const struct object_keys *list) {
    struct mcp *mcp = mcp_of(call);
    struct object_keys page = *list;
    pages_keep(&mcp->pages, (uint64_t)mcp->settings.mcp_page, loop_now(mcp->rpc->loop), &page);
    was_listed(call, &page);
}

static void run_list(struct rpc_call *call, json_t *params) {
    struct mcp *mcp = mcp_of(call);
    const json_t *cursor = json_object_get(params, "cursor");
    uint64_t size = (uint64_t)mcp->settings.mcp_page;
    char after[OBJECT_KEY_MAX + 1] = "";
    struct object_keys page;
    if (!cursor) {
        object_list(mcp->objects, call, "", "", size, was_listed);
        return;
    }
    struct span text = span_of(json_string_value(cursor), json_string_length(cursor));
    ssize_t n = text.p ? base64_decode(text, after, sizeof(after) - 1) : -1;
    if (n <= 0 || object_key_check(span_of(after, (size_t)n))) {
        rpc_error(call, MESSAGE_INVALID_PARAMS, "Invalid cursor", NULL);
        return;
    }
    after[n] = '\0';
    if (pages_take(&mcp->pages, span_of(after, (size_t)n), size, loop_now(mcp->rpc->loop), &page))
        was_listed(call, &page);
    else
        object_list(mcp->objects, call, "", after, PAGES_AHEAD, was_walked);
}

static void run_templates(struct rpc_call *call, json_t *params) {
    struct text out = {0};
    if (mcp_is_beyond(call, params))
        return;
    text_add_constant(&out,
                      "{\"resourceTemplates\":[{\"uriTemplate\":\"sluice:///{+key}\",\"name\":\"object\","
                      "\"title\":\"Object\",\"description\":\"An object by its key.\"}");
    registry_add_templates(call, &out);
    finish_list(call, &out, span_of(NULL, 0));
}

/* ---- reading ----------------------------------------------------------------------------------------- */

void mcp_add_contents(struct text *out, const struct object_bytes *read) {
    struct span bytes = span_of(read->bytes, (size_t)read->fields.count);
    ssize_t text = object_text(bytes, read->more);
    text_add_constant(out, "{\"uri\":");
    mcp_add_uri(out, read->key);
    text_add_constant(out, ",\"mimeType\":");
    text_add_quoted(out, span_text(object_type(read->calls, read->key)));
    text_add_constant(out, text >= 0 ? ",\"text\":" : ",\"blob\":");
    if (text >= 0)
        text_add_quoted(out, span_of(bytes.p, (size_t)text));
    else
        base64_add(out, bytes);
    text_add_constant(out, "}");
}

static void was_read(struct rpc_call *call, const struct object_bytes *read) {
    struct text out = {0};
    if (read->more) {
        rpc_fail(call, STATUS_TOO_LARGE, "larger than rpc_read: the tool object.read reads it in ranges");
        return;
    }
    text_add_constant(&out, "{\"contents\":[");
    mcp_add_contents(&out, read);
    text_add_constant(&out, "]}");
    mcp_answer(call, &out);
}

/* Until 2025-11-25 a missing resource had a code of its own. */
static int legacy_code(const struct rpc_call *call, int code) {
    (void)call;
    bool absent = code == status_rpc(STATUS_NOT_FOUND) || code == status_rpc(STATUS_NOT_REGULAR);
    return absent ? MCP_RESOURCE_NOT_FOUND : code;
}

static void legacy_result(struct rpc_call *call, struct text *out, struct span json) {
    (void)call;
    text_add(out, json);
}

static const struct rpc_wrap legacy_wrap = {.result = legacy_result, .code = legacy_code};

static void run_read(struct rpc_call *call, json_t *params) {
    struct mcp *mcp = mcp_of(call);
    char key[OBJECT_KEY_MAX];
    size_t n;
    const char *uri = mcp_text_param(call, params, "uri");
    if (!uri || registry_read(mcp, call, uri))
        return;
    if (!call->modern)
        call->wrap = &legacy_wrap;
    if (mcp_key_of(uri, key, sizeof(key), &n))
        object_read(mcp->objects, call, span_of(key, n), 0, 0, was_read);
    else
        not_found(call, uri);
}

/* ---- subscriptions ----------------------------------------------------------------------------------- */

static struct mcp_session *subscriber(struct rpc_call *call) {
    struct mcp_session *session = mcp_session_of(call, true);
    if (!session)
        rpc_fail(call, STATUS_BUSY, "no session, or too many with state on this node (mcp_sessions)");
    return session;
}

static void reply_empty(struct rpc_call *call) {
    rpc_result_text(call, span_text("{}"));
}

static void run_subscribe(struct rpc_call *call, json_t *params) {
    struct news *news = &mcp_of(call)->news;
    const char *uri = mcp_text_param(call, params, "uri");
    struct mcp_session *session = uri ? subscriber(call) : NULL;
    if (!session)
        return;
    news_join(news);
    int error = news_subscribe(news, &session->subscriber, uri);
    if (error)
        news_refuse(call, error);
    else
        news_when_ready(news, call, reply_empty);
}

static void run_unsubscribe(struct rpc_call *call, json_t *params) {
    const char *uri = mcp_text_param(call, params, "uri");
    struct mcp_session *session = uri ? subscriber(call) : NULL;
    if (!session)
        return;
    subscriber_remove(&mcp_of(call)->news.subscriptions, &session->subscriber, uri);
    rpc_result_text(call, span_text("{}"));
}

const struct rpc_method mcp_resources_rows[] = {
    {.name = "resources/list", .run = run_list, .flags = RPC_MCP | RPC_UNCHECKED},
    {.name = "resources/templates/list", .run = run_templates, .flags = RPC_MCP | RPC_UNCHECKED},
    {.name = "resources/read", .run = run_read, .flags = RPC_MCP | RPC_UNCHECKED},
    {.name = "resources/subscribe", .run = run_subscribe, .flags = RPC_MCP | RPC_UNCHECKED | RPC_LEGACY},
    {.name = "resources/unsubscribe", .run = run_unsubscribe, .flags = RPC_MCP | RPC_UNCHECKED | RPC_LEGACY},
};
const unsigned mcp_resources_rows_count = sizeof(mcp_resources_rows) / sizeof(mcp_resources_rows[0]);
