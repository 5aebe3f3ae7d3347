/* MCP, the Model Context Protocol, in both its eras on the same paths and sockets.
 *
 *     newline JSON, MCP1 -+-> rpc's batch -> admit: which era? -> lifecycle.c tools.c resources.c prompts.c
 *     POST /mcp  http.c --+      legacy (to 2025-11-25): initialize, sessions      modern (2026-07-28): _meta, headers
 *     GET /mcp   streams for what the server says unasked
 *
 * Tools are rpc's methods that are marked as such. Session ids are signed tokens: a session takes no memory here until
 * it subscribes, sets a log level, opens a stream or ends. */
#ifndef SLUICE_HANDLERS_MCP_MCP_H
#define SLUICE_HANDLERS_MCP_MCP_H

#include "handlers/mcp/news.h"
#include "handlers/mcp/pages.h"
#include "handlers/mcp/session.h"
#include "handlers/rpc/object_calls.h"

#define MCP_MODERN     "2026-07-28"
#define MCP_META(name) "io.modelcontextprotocol/" name
#define MCP_HTTP_PATH  "/mcp"

/* Codes of MCP's own. */
#define MCP_RESOURCE_NOT_FOUND  (-32002) /* legacy only */
#define MCP_HEADER_MISMATCH     (-32020)
#define MCP_MISSING_CAPABILITY  (-32021)
#define MCP_UNSUPPORTED_VERSION (-32022)

struct mcp_settings {
#define SETTING(kind, field, initial, range, help) SETTING_TYPE_##kind field;
#include "handlers/mcp/options.def"
#undef SETTING
};

struct mcp_stats {
#define COUNTER(kind, field, help) COUNTER_TYPE_##kind field;
#include "handlers/mcp/stats.def"
#undef COUNTER
};

extern const struct settings_table mcp_settings_table;

struct mcp {
    struct rpc *rpc;
    struct object_calls *objects;
    struct mcp_settings settings;
    struct mcp_stats stats;
    struct http_handler http_handler;
    uint8_t key[MCP_KEY];
    struct mcp_sessions sessions;
    struct news news;
    struct recall_budget recall;
    struct pages pages;              /* of resources/list */
    const struct rpc_method **items; /* resources, templates and prompts of others */
    unsigned items_count;
    LIST_HEAD(, mcp_post) posts; /* of POST /mcp, whose streams can be resumed */
    LIST_HEAD(, asked) asked;    /* questions to clients */
    unsigned asked_count;
    uint64_t asked_last;
    struct deadline_class tick;  /* of streams */
    struct deadline_class watch; /* see watch.h */
    struct deadline watching;
    LIST_HEAD(, listening) listening; /* subscriptions/listen */
};

/* Adds MCP's methods and transports; objects must stay valid. 0, or -errno with a reason. */
int mcp_init(struct mcp *mcp, struct rpc *rpc, struct object_calls *objects,
             const struct mcp_settings *settings, char *why, size_t why_size);
/* The loop has ended. */
void mcp_free(struct mcp *mcp);

static inline struct mcp *mcp_of(const struct rpc_call *call) {
    return call->batch->rpc->mcp;
}

/* The versions, oldest first, NULL at the end; the modern one is not among them. */
extern const char *const mcp_legacy_versions[];
/* The index in that list; -1: unknown. */
int mcp_version_index(struct span version);

/* For every transport's admit(): determines the era from _meta and prepares the answer. False: the call was
 * answered. */
bool mcp_admit(struct rpc_call *call, json_t *params);
/* Is the call from the same client as the batch? On a socket the connection tells, over HTTP the session. */
bool mcp_same_client(const struct rpc_batch *batch, struct rpc_call *call);
/* MCP_CAN_* that a client's capabilities have. */
unsigned mcp_abilities(const json_t *capabilities);
/* MCP_CAN_* of the client, whatever the era. */
unsigned mcp_client_can(struct rpc_call *call);
/* The session of a legacy call, NULL without one. create: makes state for it on this node if there is room. */
struct mcp_session *mcp_session_of(struct rpc_call *call, bool create);

/* initialize: the token becomes the client's session. False: no room for it. */
bool mcp_begin_session(struct rpc_call *call, const struct mcp_token *token);
/* Answers -32602 with words and the name of what was not found. */
void mcp_unknown(struct rpc_call *call, const char *what, const char *name);
/* The string params[name]; answers -32602 and returns NULL if it is not a string. */
const char *mcp_text_param(struct rpc_call *call, const json_t *params, const char *name);

/* For lists of only one page: does the call ask for another page? No cursor was ever given out, so it has been answered
 * with an error then. */
bool mcp_is_beyond(struct rpc_call *call, const json_t *params);

/* Adds the URI of an object in quotes. */
void mcp_add_uri(struct text *out, struct span key);
/* Adds what was read of an object as the contents of its resource: text, or base64 (2025-11-25, Resources). */
void mcp_add_contents(struct text *out, const struct object_bytes *read);
/* Gets the key of an object's URI. False: it is not one. */
bool mcp_key_of(const char *uri, char *key, size_t size, size_t *n);
/* The tool of this name; NULL: there is none. */
const struct rpc_method *mcp_find_tool(const struct rpc *rpc, const char *name);
/* Seconds since 1970, on the clock that tokens use. */
uint32_t mcp_date(const struct mcp *mcp);
/* From now on some call waits for its client (watch.h). */
void mcp_watch(struct mcp *mcp);
/* Tells those subscriptions/listen that want to know that the list of resources has changed. */
void mcp_listen_tell_list(struct mcp *mcp);
/* Does the era's specification define this code? */
bool mcp_is_own_code(const struct rpc_call *call, int code);
/* Answers with what out holds, and frees it. */
void mcp_answer(struct rpc_call *call, struct text *out);
/* Adds the member of a modern result's _meta that names the server. */
void mcp_add_server_info(const struct rpc_call *call, struct text *out);
/* Adds the capabilities and name of the server, as JSON members without braces. */
void mcp_add_identity(const struct rpc_call *call, struct text *out);

extern const struct rpc_wrap mcp_modern_wrap, mcp_tool_wrap;

/* MCP's own methods, by file. */
#define MCP_ROWS(name)                                                                                       \
    extern const struct rpc_method name[];                                                                   \
    extern const unsigned name##_count
MCP_ROWS(mcp_lifecycle_rows);
MCP_ROWS(mcp_tools_rows);
MCP_ROWS(mcp_resources_rows);
MCP_ROWS(mcp_prompts_rows);
MCP_ROWS(mcp_listen_rows);

#endif
