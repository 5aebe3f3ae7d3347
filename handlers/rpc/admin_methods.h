/* The methods ping, stats.get, config.get, drain and rpc.discover. */
#ifndef SLUICE_HANDLERS_RPC_ADMIN_METHODS_H
#define SLUICE_HANDLERS_RPC_ADMIN_METHODS_H

#include "handlers/objects/objects.h"
#include "handlers/rpc/rpc.h"

#define ADMIN_METHODS 5

struct admin_methods {
    struct objects *objects;
    struct rpc_method rows[ADMIN_METHODS];
};

/* Adds them; objects must stay. 0 or -errno. */
int admin_methods_add(struct admin_methods *methods, struct rpc *rpc, struct objects *objects);

#endif
