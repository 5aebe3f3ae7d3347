/* With --demo-routes: the methods of the JSON-RPC specification's examples (subtract, sum, get_data), echo,
 * and fib, which computes on a thread. */
#ifndef SLUICE_HANDLERS_RPC_DEMO_METHODS_H
#define SLUICE_HANDLERS_RPC_DEMO_METHODS_H

#include "handlers/rpc/rpc.h"

/* 0 or -errno. */
int demo_methods_add(struct rpc *rpc);

#endif
