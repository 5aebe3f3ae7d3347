/* sluice/rpc.h: C functions that answer JSON-RPC calls and are MCP tools, resources and prompts, inside sluiced.
 *
 *     static void greet(struct sluice_call *call, const char *params, void *user) {
 *         sluice_call_result(call, "{\"hello\":\"world\"}");
 *     }
 *
 *     SLUICE_MODULE;
 *     int sluice_module_init(struct sluice_module *module) {
 *         struct sluice_offer offer = {.name = "greet", .help = "Says hello.", .kinds = SLUICE_METHOD | SLUICE_TOOL,
 *                                      .route = "GET /greet", .handler = greet};
 *         return sluice_module_offer(module, &offer);
 *     }
 *
 * One declaration, three faces: a JSON-RPC method, an MCP tool, and, with a title, an HTTP route that answers the
 * result as JSON (its parameters are the query's and the path's, or the body if that is a JSON object).
 *
 * Handlers run on threads of the handlers pool, several at once: they may compute and wait. params and results are
 * JSON texts. Parameters are first checked against the schema's properties: their types, that the required ones are
 * there, and, where additionalProperties is false, that there are no others. Only properties of the schema itself may
 * have an MCP header (x-mcp-header).
 *
 * A handler asks the client (for a sampled message, or a user's input) with sluice_call_ask(). NULL means that there is
 * no answer yet: the handler then returns without a result. When the answer has come the handler runs again from its
 * beginning, and the same question has its answer. Nothing waits in between: in MCP's modern era the client itself
 * carries the questions and answers. */
#ifndef SLUICE_HANDLERS_RPC_SLUICE_RPC_H
#define SLUICE_HANDLERS_RPC_SLUICE_RPC_H

#include "handlers/http/sluice_handler.h"

#ifdef __cplusplus
extern "C" {
#endif

struct sluice_call_api;

/* The rest of the struct is private to the daemon. */
struct sluice_call {
    const struct sluice_call_api *api;
};

typedef void sluice_call_handler(struct sluice_call *call, const char *params, void *user);

/* What an offer is; a method and a tool may be the same. */
#define SLUICE_METHOD   1u /* of JSON-RPC */
#define SLUICE_TOOL     2u /* of MCP */
#define SLUICE_RESOURCE 4u /* of MCP: name is its URI; the result is {"contents":[...]} */
/* Of MCP: name is a URI template like test://{id}/data; params have the value of id. */
#define SLUICE_TEMPLATE 8u
#define SLUICE_PROMPT   16u /* of MCP: the result is {"messages":[...]} */
/* How it behaves. */
#define SLUICE_READ_ONLY   32u
#define SLUICE_DESTRUCTIVE 64u
#define SLUICE_IDEMPOTENT  128u
#define SLUICE_ADMIN       256u /* only on listeners with administration */
#define SLUICE_CONTENT     512u /* a tool whose result is MCP's already: {"content":[...]} */

/* Leave unused members zero. The struct is copied; the texts must stay valid while the module is loaded. */
struct sluice_offer {
    const char *name;
    const char *title; /* for people */
    const char *help;  /* a sentence */
    /* JSON Schema of the parameters, an object; of a prompt: the array of its arguments; NULL: none. */
    const char *schema;
    const char *result; /* JSON Schema of the result; NULL: anything */
    const char *type;   /* MIME type of a resource */
    const char *route;  /* also an HTTP route: "GET /greet/:name"; NULL: none */
    unsigned kinds;     /* SLUICE_METHOD | SLUICE_TOOL ... */
    sluice_call_handler *handler;
    void *user;
};

/* Each is described with the function of its name below. */
struct sluice_call_api {
    unsigned version;
    void (*result)(struct sluice_call *call, const char *json);
    void (*error)(struct sluice_call *call, int code, const char *message);
    void (*log)(struct sluice_call *call, const char *level, const char *json);
    void (*progress)(struct sluice_call *call, double progress, double total, const char *message);
    int (*can)(struct sluice_call *call, const char *ability);
    const char *(*ask)(struct sluice_call *call, const char *key, const char *method, const char *params);
    void (*again)(struct sluice_call *call, const char *key, const char *method, const char *params);
    int (*cancelled)(struct sluice_call *call);
    void (*pause)(struct sluice_call *call);
};

/* Adds an offer. 0; or -1, with the reason recorded. */
static inline int sluice_module_offer(struct sluice_module *module, const struct sluice_offer *offer) {
    return module->offer(module, offer, sizeof *offer);
}

/* Sets the answer: a JSON text, copied. NULL, as from a library that found no memory, is an error. The last call counts. */
static inline void sluice_call_result(struct sluice_call *call, const char *json) {
    call->api->result(call, json);
}

/* Answers with an error instead; code: JSON-RPC's, like -32602. */
static inline void sluice_call_error(struct sluice_call *call, int code, const char *message) {
    call->api->error(call, code, message);
}

/* Sends a log message to the client, if it wants any: level as in MCP (unknown ones count as "info"), any JSON. */
static inline void sluice_call_log(struct sluice_call *call, const char *level, const char *json) {
    call->api->log(call, level, json);
}

/* Reports progress to the client, if it asked for that; total 0: unknown; message may be NULL. */
static inline void sluice_call_progress(struct sluice_call *call, double progress, double total,
                                        const char *message) {
    call->api->progress(call, progress, total, message);
}

/* Not 0: the client has declared the ability: "sampling", "elicitation" or "roots". */
static inline int sluice_call_can(struct sluice_call *call, const char *ability) {
    return call->api->can(call, ability);
}

/* The client's answer to a request (method: "sampling/createMessage", "elicitation/create", "roots/list"; params: JSON)
 * that is known by key within this call. NULL: not yet; ask for everything that is wanted, and return. */
static inline const char *sluice_call_ask(struct sluice_call *call, const char *key, const char *method,
                                          const char *params) {
    return call->api->ask(call, key, method, params);
}

/* Asks once more, because the answer is not usable: the handler then returns, as after NULL. */
static inline void sluice_call_again(struct sluice_call *call, const char *key, const char *method,
                                     const char *params) {
    call->api->again(call, key, method, params);
}

/* Not 0: nobody wants the answer any longer. */
static inline int sluice_call_cancelled(struct sluice_call *call) {
    return call->api->cancelled(call);
}

/* For long work: the client's connection ends now where the client can come back for the rest (event streams of MCP
 * sessions over HTTP), so that nothing waits in between. Elsewhere nothing happens. */
static inline void sluice_call_pause(struct sluice_call *call) {
    call->api->pause(call);
}

#ifdef __cplusplus
}
#endif

#endif
