/* JSON-RPC 2.0: methods of all families behind every transport.
 *
 *     newline JSON, MCP1 (reactor/rpc_front) -+
 *     POST /rpc                    (http.c) --+-> batch.c -> table of methods (rpc_add) -> object_methods.c ...
 *     /mcp                 (handlers/mcp) ----+
 *
 * Families add their methods at start; nothing here knows them. */
#ifndef SLUICE_HANDLERS_RPC_RPC_H
#define SLUICE_HANDLERS_RPC_RPC_H

#include "handlers/rpc/call.h"
#include "offload/declare.h"
#include "reactor/http1_front.h"
#include "reactor/rpc_front.h"

struct loop;
struct mcp;

struct rpc_settings {
#define SETTING(kind, field, initial, range, help) SETTING_TYPE_##kind field;
#include "handlers/rpc/options.def"
#undef SETTING
};

struct rpc_stats {
#define COUNTER(kind, field, help) COUNTER_TYPE_##kind field;
#include "handlers/rpc/stats.def"
#undef COUNTER
};

extern const struct settings_table rpc_settings_table;

struct rpc {
    struct loop *loop;
    struct rpc_settings settings;
    struct rpc_stats stats;
    struct rpc_service service;        /* of the sockets */
    struct http_handler http_handler;  /* of POST /rpc */
    const struct rpc_method **methods; /* sorted by name */
    unsigned methods_count;
    LIST_HEAD(, rpc_batch) batches; /* messages in hand */
    const char *version;            /* of the server: injected */
    /* For config.get: injected, the caller frees the text; may be NULL. */
    char *(*config_text)(void *context);
    void *config_context;

    /* Set by the family that speaks MCP over this; each may be NULL. */
    struct mcp *mcp;
    /* The transport of a socket; NULL: rpc_socket. */
    const struct rpc_transport *(*choose_transport)(const struct rpc *rpc, const struct conn *conn);
    /* May a call of one of MCP's methods run? If not, it was answered. NULL: all may. */
    bool (*admit)(struct rpc_call *call, json_t *params);
    /* On sockets: a client's answer to something that the server asked. */
    void (*answered)(struct rpc_batch *batch, struct span id, struct span result, struct span error);
    /* Fills in what the client wants to be told while the work runs. */
    void (*prepare)(struct rpc_call *call, struct rpc_work *work);
    /* Asks the client; asks are taken over. NULL: nobody can. */
    void (*ask)(struct rpc_call *call, json_t *asks);
};

/* The transports of sockets: with batches, and without. */
extern const struct rpc_transport rpc_socket, rpc_single_socket;

/* Registers the front ends and counters with the loop. The settings' texts must stay valid. 0 or -errno. */
int rpc_init(struct rpc *rpc, struct loop *loop, const struct rpc_settings *settings);
/* The loop has ended. */
void rpc_free(struct rpc *rpc);
/* Adds a method, which is not copied and must stay valid. 0; -EEXIST: the name is taken; -ENOMEM. */
int rpc_add(struct rpc *rpc, const struct rpc_method *method);
/* Adds a family's table, with this context: its rows are copied to rows (room for count), which must stay valid. 0, or
 * as rpc_add(). */
int rpc_add_table(struct rpc *rpc, const struct rpc_method *table, unsigned count, void *context,
                  struct rpc_method *rows);
/* The method of this name among the sets; NULL: there is none. */
const struct rpc_method *rpc_find(const struct rpc *rpc, const char *name, unsigned sets);

#endif
