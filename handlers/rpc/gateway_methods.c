#include "handlers/rpc/gateway_methods.h"

#include "handlers/gateway/control.h"
#include "handlers/gateway/endpoint.h"
#include "handlers/gateway/server.h"
#include "handlers/gateway/upstream.h"

static void run_list(struct rpc_call *call, json_t *params) {
    const struct gateway *gateway = call->method->context;
    const char *name = json_string_value(json_object_get(params, "upstream"));
    if (name && !gateway_upstream(gateway, name))
        rpc_fail(call, STATUS_NOT_FOUND, "no such upstream");
    else
        rpc_result(call, json_pack("{s:o}", "servers", control_rows(gateway, name)));
}

static void run_set(struct rpc_call *call, json_t *params) {
    const struct gateway *gateway = call->method->context;
    struct endpoint *endpoint = control_find(gateway, json_string_value(json_object_get(params, "server")));
    const json_t *drained = json_object_get(params, "drained"), *weight = json_object_get(params, "weight");
    if (!endpoint) {
        rpc_fail(call, STATUS_NOT_FOUND,
                 "no such server: it is named UPSTREAM/ADDRESS, or ADDRESS if one upstream has it");
        return;
    }
    if (!drained && !weight) {
        struct rpc_complaint complaint = {"", "nothing to set: drained or weight"};
        rpc_complain(call, &complaint);
        return;
    }
    if (drained)
        control_drain(endpoint, json_is_true(drained));
    if (weight)
        endpoint_weigh(endpoint, (long)json_integer_value(weight));
    control_changed(endpoint);
    rpc_result(call, control_row(endpoint));
}

static const struct rpc_param list_params[] = {
    {.name = "upstream", .type = RPC_STRING, .help = "its servers only; without it, those of all upstreams"},
};
static const struct rpc_param set_params[] = {
    {.name = "server",
     .type = RPC_STRING,
     .required = true,
     .help = "UPSTREAM/ADDRESS, or ADDRESS if one upstream has it"},
    {.name = "drained",
     .type = RPC_BOOLEAN,
     .help = "true: no new requests for it, what it has in hand goes on; false: it serves again"},
    {.name = "weight",
     .type = RPC_INTEGER,
     .max = SERVER_WEIGHT_MAX,
     .help = "its share of the requests, compared with the other servers' weights; 0: none"},
};

#define ROW                                                                                                  \
    "{\"type\":\"object\",\"properties\":{\"upstream\":{\"type\":\"string\"},\"server\":{\"type\":"          \
    "\"string\"},"                                                                                           \
    "\"state\":{\"type\":\"string\"},\"weight\":{\"type\":\"integer\"},\"backup\":{\"type\":\"boolean\"},"   \
    "\"active\":{\"type\":\"integer\"},\"idle\":{\"type\":\"integer\"},\"requests\":{\"type\":\"integer\"}," \
    "\"failures\":{\"type\":\"integer\"},\"reuse\":{\"type\":\"number\"},\"p50_ms\":{\"type\":\"number\"},"  \
    "\"p99_ms\":{\"type\":\"number\"},\"ejections\":{\"type\":\"integer\"}},"                                \
    "\"required\":[\"upstream\",\"server\",\"state\",\"weight\"]}"

static const struct rpc_method rows[GATEWAY_METHODS] = {
    {.name = "upstream.list",
     .title = "Servers behind the gateway",
     .help = "The servers of the upstreams: state, weight, connections, requests, latency.",
     .params = list_params,
     .params_count = 1,
     .run = run_list,
     .result = "{\"type\":\"object\",\"properties\":{\"servers\":{\"type\":\"array\",\"items\":" ROW
               "}},\"required\":[\"servers\"]}",
     .flags = RPC_PLAIN | RPC_TOOL | RPC_ADMIN | RPC_READ_ONLY | RPC_IDEMPOTENT},
    {.name = "upstream.set",
     .title = "Change a server behind the gateway",
     .help = "Drains a server, takes it back, or changes its weight; answers what it is then.",
     .params = set_params,
     .params_count = 3,
     .run = run_set,
     .result = ROW,
     .flags = RPC_PLAIN | RPC_TOOL | RPC_ADMIN | RPC_DESTRUCTIVE | RPC_IDEMPOTENT},
};

int gateway_methods_add(struct gateway_methods *methods, struct rpc *rpc, struct gateway *gateway) {
    return rpc_add_table(rpc, rows, GATEWAY_METHODS, gateway, methods->rows);
}
