#include "handlers/rpc/admin_methods.h"

#include "handlers/objects/report.h"
#include "handlers/rpc/discover.h"
#include "reactor/drain.h"
#include "reactor/loop.h"

#include <stdlib.h>

static void run_ping(struct rpc_call *call, json_t *params) {
    (void)params;
    rpc_result_text(call, span_text("{}"));
}

static void run_stats(struct rpc_call *call, json_t *params) {
    const struct admin_methods *methods = call->method->context;
    char *text = report_stats(methods->objects);
    (void)params;
    if (text)
        rpc_result_text(call, span_text(text));
    else
        rpc_fail(call, STATUS_BUSY, "no memory for the report; try again");
    free(text);
}

static void run_config(struct rpc_call *call, json_t *params) {
    const struct rpc *rpc = call->batch->rpc;
    char *text = rpc->config_text ? rpc->config_text(rpc->config_context) : strdup("");
    (void)params;
    rpc_result(call, text ? json_pack("{s:s}", "text", text) : NULL);
    free(text);
}

/* A second drain would cut connections off: that stays with the signals. */
static void run_drain(struct rpc_call *call, json_t *params) {
    struct loop *loop = call->batch->rpc->loop;
    bool already = loop->state != LOOP_RUNNING;
    (void)params;
    if (!already)
        drain_begin(loop);
    rpc_result(call, json_pack("{s:b, s:b}", "draining", 1, "already", already));
}

static void run_discover(struct rpc_call *call, json_t *params) {
    (void)params;
    rpc_result(call, discover_document(call->batch->rpc));
}

static const struct rpc_method rows[ADMIN_METHODS] = {
    {.name = "ping",
     .title = "Ping",
     .help = "Answers with an empty object.",
     .run = run_ping,
     .result = "{\"type\":\"object\"}",
     .flags = RPC_PLAIN | RPC_MCP | RPC_LEGACY | RPC_READ_ONLY | RPC_IDEMPOTENT},
    {.name = "stats.get",
     .title = "Statistics",
     .help = "All counters and histograms of the server.",
     .run = run_stats,
     .result = "{\"type\":\"object\"}",
     .flags = RPC_PLAIN | RPC_TOOL | RPC_ADMIN | RPC_READ_ONLY | RPC_IDEMPOTENT},
    {.name = "config.get",
     .title = "Configuration",
     .help = "The configuration in effect, as text.",
     .run = run_config,
     .result =
         "{\"type\":\"object\",\"properties\":{\"text\":{\"type\":\"string\"}},\"required\":[\"text\"]}",
     .flags = RPC_PLAIN | RPC_TOOL | RPC_ADMIN | RPC_READ_ONLY | RPC_IDEMPOTENT},
    {.name = "drain",
     .title = "Shut down",
     .help = "Takes no new connections, answers what is in hand, and ends the server.",
     .run = run_drain,
     .result = "{\"type\":\"object\",\"properties\":{\"draining\":{\"type\":\"boolean\"},"
               "\"already\":{\"type\":\"boolean\"}},\"required\":[\"draining\"]}",
     .flags = RPC_PLAIN | RPC_TOOL | RPC_ADMIN | RPC_DESTRUCTIVE | RPC_IDEMPOTENT},
    {.name = "rpc.discover",
     .title = "Methods",
     .help = "All methods, as an OpenRPC document.",
     .run = run_discover,
     .result = "{\"type\":\"object\"}",
     .flags = RPC_PLAIN | RPC_READ_ONLY | RPC_IDEMPOTENT},
};

int admin_methods_add(struct admin_methods *methods, struct rpc *rpc, struct objects *objects) {
    methods->objects = objects;
    return rpc_add_table(rpc, rows, ADMIN_METHODS, methods, methods->rows);
}
