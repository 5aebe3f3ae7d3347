#include "handlers/mcp/mcp.h"

#include "handlers/mcp/ask.h"
#include "handlers/mcp/event_stream.h"
#include "handlers/mcp/http.h"
#include "handlers/mcp/post.h"
#include "handlers/mcp/watch.h"
#include "handlers/rpc/message.h"
#include "proto/jsontext.h"
#include "reactor/conn.h"
#include "reactor/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define BATCHES_UNTIL 2 /* index of 2025-06-18, which has no batches any more */
#define KEY_FILE_MAX  4096
#define LAST_CODE     (-32099)           /* of those that JSON-RPC leaves to servers */
#define RECALL_MOST   ((size_t)64 << 20) /* bytes of events kept for all sessions */

static const struct setting mcp_settings[] = {
#define SETTING(kind, field, initial, range, help)                                                           \
    {#field, SETTING_##kind, offsetof(struct mcp_settings, field), initial, range, help},
#include "handlers/mcp/options.def"
#undef SETTING
};

const struct settings_table mcp_settings_table = {"mcp", mcp_settings,
                                                  sizeof(mcp_settings) / sizeof(mcp_settings[0])};

static const struct counter mcp_counters[] = {
#define COUNTER(kind, field, help) {#field, COUNTER_##kind, offsetof(struct mcp_stats, field), help},
#include "handlers/mcp/stats.def"
#undef COUNTER
};

/* ---- answers --------------------------------------------------------------------------------------- */

void mcp_answer(struct rpc_call *call, struct text *out) {
    if (out->failed)
        rpc_fail(call, STATUS_BUSY, "no memory; try again");
    else
        rpc_result_text(call, span_of(out->p, out->n));
    text_free(out);
}

/* SEP-2549: lists and contents that were read say for how long they are valid. */
static bool is_cacheable(const struct rpc_call *call) {
    static const char *const names[] = {"tools/list",
                                        "prompts/list",
                                        "resources/list",
                                        "resources/templates/list",
                                        "resources/read",
                                        "server/discover",
                                        NULL};
    unsigned i = 0;
    while (names[i] && call->asked && strcmp(names[i], call->asked) != 0)
        i++;
    return call->asked && names[i];
}

void mcp_add_server_info(const struct rpc_call *call, struct text *out) {
    const struct rpc *rpc = call->batch->rpc;
    text_add_constant(out, "\"" MCP_META("serverInfo") "\":{\"name\":\"sluice\",\"version\":");
    text_add_quoted(out, span_text(rpc->version ? rpc->version : "0"));
    text_add_constant(out, "}");
}

/* Every result of the modern era names its type and the server. */
static void modern_result(struct rpc_call *call, struct text *out, struct span json) {
    struct span inside = jsontext_inside(json);
    text_add_constant(out, "{");
    if (!jsontext_find(json, "resultType").p)
        text_add_constant(out, inside.n ? "\"resultType\":\"complete\"," : "\"resultType\":\"complete\"");
    text_add(out, inside);
    if (is_cacheable(call) && !jsontext_find(json, "ttlMs").p && !jsontext_find(json, "inputRequests").p)
        text_add_constant(out, ",\"ttlMs\":1000,\"cacheScope\":\"private\"");
    if (!jsontext_find(json, "_meta").p) {
        text_add_constant(out, ",\"_meta\":{");
        mcp_add_server_info(call, out);
        text_add_constant(out, "}");
    }
    text_add_constant(out, "}");
}

bool mcp_is_own_code(const struct rpc_call *call, int code) {
    int last = call->modern ? MCP_UNSUPPORTED_VERSION : LAST_CODE;
    return code <= MCP_HEADER_MISMATCH && code >= last;
}

/* Of the codes reserved to servers, this era allows only its own (2026-07-28, basic, "Error Codes"). */
static int modern_code(const struct rpc_call *call, int code) {
    if (code > -32000 || code < LAST_CODE || mcp_is_own_code(call, code))
        return code;
    bool absent = code == status_rpc(STATUS_NOT_FOUND) || code == status_rpc(STATUS_NOT_REGULAR);
    return absent || code == status_rpc(STATUS_BAD_RANGE) ? MESSAGE_INVALID_PARAMS : MESSAGE_INTERNAL_ERROR;
}

const struct rpc_wrap mcp_modern_wrap = {.result = modern_result, .code = modern_code};

void mcp_unknown(struct rpc_call *call, const char *what, const char *name) {
    char text[256];
    snprintf(text, sizeof(text), "%s: %.200s", what, name);
    rpc_error(call, MESSAGE_INVALID_PARAMS, text, NULL);
}

const char *mcp_text_param(struct rpc_call *call, const json_t *params, const char *name) {
    const char *text = json_string_value(json_object_get(params, name));
    struct rpc_complaint complaint = {.reason = "must be a string"};
    if (text)
        return text;
    rpc_point(&complaint, "", name);
    rpc_complain(call, &complaint);
    return NULL;
}

bool mcp_is_beyond(struct rpc_call *call, const json_t *params) {
    bool beyond = json_object_get(params, "cursor") != NULL;
    if (beyond)
        rpc_error(call, MESSAGE_INVALID_PARAMS, "Invalid cursor", NULL);
    return beyond;
}

/* ---- eras ------------------------------------------------------------------------------------------ */

static json_t *supported(const char *requested) {
    return json_pack("{s:[s], s:s}", "supported", MCP_MODERN, "requested", requested);
}

static bool refuse(struct rpc_call *call, int code, const char *message, json_t *data) {
    mcp_of(call)->stats.mcp_refused++;
    mcp_http_refused(call);
    rpc_error(call, code, message, data);
    return false;
}

static bool admit_modern(struct rpc_call *call, const json_t *version) {
    const char *text = json_string_value(version);
    call->modern = true;
    mcp_of(call)->stats.mcp_modern++;
    if (!text)
        return refuse(call, MESSAGE_INVALID_PARAMS, "_meta: the protocol version must be a string", NULL);
    if (strcmp(text, MCP_MODERN) != 0)
        return refuse(call, MCP_UNSUPPORTED_VERSION, "Unsupported protocol version", supported(text));
    if (!json_is_object(json_object_get(call->meta, MCP_META("clientCapabilities"))))
        return refuse(call, MESSAGE_INVALID_PARAMS, "_meta: " MCP_META("clientCapabilities") " is missing",
                      NULL);
    const json_t *level = json_object_get(call->meta, MCP_META("logLevel"));
    if (level && (!json_is_string(level) || mcp_level_named(json_string_value(level)) < 0))
        return refuse(call, MESSAGE_INVALID_PARAMS, "_meta: " MCP_META("logLevel") " is no level", NULL);
    call->wrap = &mcp_modern_wrap;
    if (call->method->flags & RPC_LEGACY) {
        rpc_error(call, MESSAGE_METHOD_NOT_FOUND, NULL, NULL);
        return false;
    }
    return ask_take_inputs(call, call->params);
}

bool mcp_admit(struct rpc_call *call, json_t *params) {
    const json_t *version = json_object_get(call->meta, MCP_META("protocolVersion"));
    (void)params;
    if (!(call->method->flags & RPC_MCP))
        return true;
    mcp_of(call)->stats.mcp_calls++;
    call->asked = call->method->name;
    bool plain =
        call->method->flags & call->batch->transport->sets & RPC_PLAIN; /* JSON-RPC's, which takes null */
    if (!call->notice && !plain && call->id_n == 4 && memcmp(call->id, "null", 4) == 0)
        return refuse(call, MESSAGE_INVALID_REQUEST, "the id must not be null", NULL);
    if (version)
        return admit_modern(call, version);
    if (call->method->flags & RPC_MODERN)
        return refuse(call, MESSAGE_INVALID_PARAMS, "_meta: " MCP_META("protocolVersion") " is missing",
                      NULL);
    return true;
}

/* ---- sessions -------------------------------------------------------------------------------------- */

uint32_t mcp_date(const struct mcp *mcp) {
    return (uint32_t)loop_date(mcp->rpc->loop);
}

/* The token of a legacy call. False: it has none. */
static bool token_of(struct rpc_call *call, struct mcp_token *token) {
    struct request *request = rpc_request(call);
    if (!request || !rpc_front_has(request->conn))
        return mcp_http_token(call, token);
    const struct mcp_session *session = rpc_front_session(request->conn);
    if (session)
        *token = session->token;
    return session != NULL;
}

struct mcp_session *mcp_session_of(struct rpc_call *call, bool create) {
    struct mcp *mcp = mcp_of(call);
    struct request *request = rpc_request(call);
    struct mcp_token token;
    if (request && rpc_front_has(request->conn))
        return rpc_front_session(request->conn);
    if (!token_of(call, &token))
        return NULL;
    return create ? mcp_session_get(&mcp->sessions, &token, mcp_date(mcp))
                  : mcp_session_find(&mcp->sessions, &token);
}

bool mcp_begin_session(struct rpc_call *call, const struct mcp_token *token) {
    struct mcp *mcp = mcp_of(call);
    struct request *request = rpc_request(call);
    if (!request)
        return false;
    if (!rpc_front_has(request->conn))
        return mcp_http_begin(call, token);
    struct mcp_session *session = rpc_front_session(request->conn);
    if (session) { /* once more on the same connection: it starts anew */
        session->token.version = token->version;
        session->token.can = token->can;
        session->level = MCP_DEBUG;
        subscriber_clear(&mcp->news.subscriptions, &session->subscriber);
        return true;
    }
    session = mcp_session_get(&mcp->sessions, token, mcp_date(mcp));
    if (!session)
        return false;
    session->conn = request->conn;
    if (rpc_front_keep_session(request->conn, session) == 0) {
        news_join(&mcp->news);
        return true;
    }
    mcp_session_free(session);
    return false;
}

bool mcp_same_client(const struct rpc_batch *batch, struct rpc_call *call) {
    const struct request *other = rpc_request(call);
    if (!batch->request)
        return false;
    if (other && rpc_front_has(other->conn))
        return other->conn == batch->request->conn;
    struct mcp_token token;
    const struct mcp_token *session = mcp_http_batch_token(batch);
    return session && mcp_http_token(call, &token) && token.nonce == session->nonce;
}

unsigned mcp_abilities(const json_t *capabilities) {
    return (json_object_get(capabilities, "sampling") ? MCP_CAN_SAMPLE : 0) |
           (json_object_get(capabilities, "elicitation") ? MCP_CAN_ELICIT : 0) |
           (json_object_get(capabilities, "roots") ? MCP_CAN_ROOTS : 0);
}

unsigned mcp_client_can(struct rpc_call *call) {
    struct mcp_token token;
    if (!call->modern)
        return token_of(call, &token) ? token.can : 0;
    return mcp_abilities(json_object_get(call->meta, MCP_META("clientCapabilities")));
}

/* ---- sockets ---------------------------------------------------------------------------------------- */

static void closed(struct conn *conn, void *session) {
    (void)conn;
    mcp_session_free(session);
}

static const struct rpc_transport *choose_transport(const struct rpc *rpc, const struct conn *conn) {
    const struct mcp_session *session = rpc_front_session(conn);
    (void)rpc;
    return session && session->token.version >= BATCHES_UNTIL ? &rpc_single_socket : &rpc_socket;
}

/* ---- start ------------------------------------------------------------------------------------------ */

/* The key is the hash of the file, or random. */
static int load_key(struct mcp *mcp, char *why, size_t why_size) {
    const char *path = mcp->settings.mcp_key_file;
    uint8_t bytes[KEY_FILE_MAX];
    if (!*path)
        return RAND_bytes(mcp->key, MCP_KEY) == 1 ? 0 : -EIO;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, bytes, sizeof(bytes));
    int error = n < 0 ? -errno : n < 16 ? -EINVAL : 0;
    if (fd >= 0)
        close(fd);
    if (error) {
        snprintf(why, why_size, "mcp_key_file %s: %s", path,
                 error == -EINVAL ? "a key has at least 16 bytes" : strerrordesc_np(-error));
        return error;
    }
    return EVP_Digest(bytes, (size_t)n, mcp->key, NULL, EVP_sha256(), NULL) == 1 ? 0 : -EIO;
}

static int add_rows(struct mcp *mcp) {
    const struct {
        const struct rpc_method *rows;
        unsigned count;
    } files[] = {{mcp_lifecycle_rows, mcp_lifecycle_rows_count},
                 {mcp_tools_rows, mcp_tools_rows_count},
                 {mcp_resources_rows, mcp_resources_rows_count},
                 {mcp_prompts_rows, mcp_prompts_rows_count},
                 {mcp_listen_rows, mcp_listen_rows_count}};
    int error = 0;
    for (unsigned i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        for (unsigned j = 0; j < files[i].count && !error; j++)
            error = rpc_add(mcp->rpc, &files[i].rows[j]);
    return error;
}

int mcp_init(struct mcp *mcp, struct rpc *rpc, struct object_calls *objects,
             const struct mcp_settings *settings, char *why, size_t why_size) {
    uint8_t mac[MCP_MAC];
    *mcp = (struct mcp){.rpc = rpc, .objects = objects, .settings = *settings};
    mcp_sessions_init(&mcp->sessions, (unsigned)settings->mcp_sessions, (uint32_t)settings->mcp_session_age,
                      &mcp->news.subscriptions, &mcp->recall, &mcp->stats.mcp_states);
    recall_budget_init(&mcp->recall, RECALL_MOST, (size_t)settings->mcp_replay);
    snprintf(why, why_size, "no memory, or no random numbers");
    int error = load_key(mcp, why, why_size);
    if (!error &&
        !mcp_sign(mcp->key, span_text("once"), mac)) /* later libcrypto might never find what it needs */
        error = -ENOMEM;
    if (!error)
        error = add_rows(mcp);
    if (error)
        return error;
    rpc->mcp = mcp;
    rpc->choose_transport = choose_transport;
    rpc->admit = mcp_admit;
    rpc->answered = ask_answered;
    rpc->ask = ask_client;
    rpc->prepare = ask_prepare;
    rpc->service.closed = closed;
    LIST_INIT(&mcp->posts);
    event_stream_init(mcp);
    mcp_watch_init(mcp);
    news_init(&mcp->news, mcp, &objects->objects->roots, (uint64_t)settings->mcp_watches);
    mcp_http_init(mcp);
    loop_add_counters(rpc->loop,
                      (struct counters_table){"mcp", mcp_counters,
                                              sizeof(mcp_counters) / sizeof(mcp_counters[0]), &mcp->stats});
    return 0;
}

void mcp_free(struct mcp *mcp) {
    free(mcp->items);
    mcp->items = NULL;
    if (!mcp->rpc)
        return;
    mcp_posts_expire(mcp, true); /* no client comes back for them any more */
    mcp_sessions_free(&mcp->sessions);
    pages_clear(&mcp->pages);
    news_free(&mcp->news);
}
