/* The methods object.list, object.info, object.read and object.open. */
#ifndef SLUICE_HANDLERS_RPC_OBJECT_METHODS_H
#define SLUICE_HANDLERS_RPC_OBJECT_METHODS_H

#include "handlers/rpc/object_calls.h"

#define OBJECT_METHODS 4

struct object_methods {
    struct object_calls calls;
    struct rpc_method rows[OBJECT_METHODS];
};

/* Adds them; objects and mime must stay. 0 or -errno. */
int object_methods_add(struct object_methods *methods, struct rpc *rpc, struct objects *objects,
                       const struct mime *mime);

#endif
