/* A method, declared once: dispatch, the check of arguments, JSON Schema, MCP's tool and rpc.discover all use its row.
 *
 *     static const struct rpc_param params[] = {
 *         {.name = "key", .type = RPC_STRING, .required = true, .help = "the object's key"},
 *     };
 *     static const struct rpc_method method = {
 *         .name = "object.info", .params = params, .params_count = 1, .run = info, ... };
 *     rpc_add(rpc, &method)
 *
 * run() answers the call (call.h), at once or later, exactly once. Methods that compute or wait have work() instead,
 * which runs on a thread of the handlers pool. */
#ifndef SLUICE_HANDLERS_RPC_METHOD_H
#define SLUICE_HANDLERS_RPC_METHOD_H

#include <jansson.h>
#include <stdbool.h>

struct rpc_call;
struct rpc_work;

enum rpc_type { RPC_ANY, RPC_STRING, RPC_INTEGER, RPC_NUMBER, RPC_BOOLEAN, RPC_OBJECT, RPC_ARRAY };

struct rpc_param {
    const char *name;
    enum rpc_type type;
    bool required;
    const char *choices; /* "a|b|c"; NULL: any. Strings only */
    double min, max;     /* of numbers; both 0: any. Of strings: the longest in bytes (max) */
    const char *initial; /* the default, as JSON, for the documentation; NULL: none */
    const char *items;   /* of arrays: JSON Schema of the elements, for the documentation; NULL: any */
    const char *help;
    const char *header; /* MCP over HTTP: the argument is mirrored by Mcp-Param-HEADER; NULL: it is not */
};

/* Who may see a method. */
#define RPC_PLAIN 1u /* JSON-RPC: sockets and POST /rpc */
#define RPC_MCP   2u /* a method of MCP itself: sockets and /mcp */
#define RPC_TOOL  4u /* offered as a tool of MCP */
/* What it does, as MCP's hints say. */
#define RPC_READ_ONLY   8u
#define RPC_DESTRUCTIVE 16u
#define RPC_IDEMPOTENT  32u
/* Only on listeners with administration. */
#define RPC_ADMIN 64u
/* A notification: never answered. */
#define RPC_NOTICE 128u
/* params are the method's own business: not checked against the table. */
#define RPC_UNCHECKED 256u
/* params are an array of any length, and run() gets it as one. */
#define RPC_LIST 512u
/* Of MCP's methods: only with sessions, only without. */
#define RPC_LEGACY 1024u
#define RPC_MODERN 2048u
/* A tool whose result is MCP's already: {"content":[...]}. */
#define RPC_CONTENT 4096u
/* What MCP offers besides tools: name is a URI, a URI template, a prompt's name. */
#define RPC_RESOURCE 8192u
#define RPC_TEMPLATE 16384u
#define RPC_PROMPT   32768u
/* Parameters that are not in the table are accepted too, of any type. */
#define RPC_OPEN 65536u

struct rpc_method {
    const char *name;  /* "object.info" */
    const char *title; /* for people: "Object information" */
    const char *help;  /* a sentence */
    const struct rpc_param *params;
    unsigned params_count;
    const char *result; /* JSON Schema of the result; NULL: anything */
    const char *schema; /* JSON Schema of the parameters, shown instead of the table's; NULL: the table's */
    const char *type;   /* MIME type of a resource of MCP; NULL: not said */
    unsigned flags;
    /* On the loop. params: an object (RPC_LIST: an array), never NULL, borrowed until the call is answered. */
    void (*run)(struct rpc_call *call, json_t *params);
    /* On a thread; NULL: run() is used. */
    void (*work)(struct rpc_work *work, json_t *params);
    void *context; /* the family's */
};

/* What is wrong with which parameter. */
struct rpc_complaint {
    char path[128]; /* JSON Pointer (RFC 6901) within params: "/key"; "": params themselves */
    char reason[128];
};

/* Makes the path of a member: parent is the JSON Pointer to what it is in, "" for params. A long name is truncated. */
void rpc_point(struct rpc_complaint *complaint, const char *parent, const char *name);
/* True if params fit the table; an array is replaced by an object with names. Otherwise *complaint says what is
 * wrong. */
bool rpc_check_params(const struct rpc_method *method, json_t **params, struct rpc_complaint *complaint);
/* JSON Schema (2020-12) of the parameters as an object. NULL without memory. */
json_t *rpc_params_schema(const struct rpc_method *method);
/* JSON Schema of one parameter. */
json_t *rpc_param_schema(const struct rpc_param *param);

#endif
