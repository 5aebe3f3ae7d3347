/* The methods upstream.list and upstream.set: the servers behind the gateway. */
#ifndef SLUICE_HANDLERS_RPC_GATEWAY_METHODS_H
#define SLUICE_HANDLERS_RPC_GATEWAY_METHODS_H

#include "handlers/gateway/gateway.h"
#include "handlers/rpc/rpc.h"

#define GATEWAY_METHODS 2

struct gateway_methods {
    struct rpc_method rows[GATEWAY_METHODS];
};

/* Adds them; gateway must stay. 0 or -errno. */
int gateway_methods_add(struct gateway_methods *methods, struct rpc *rpc, struct gateway *gateway);

#endif
