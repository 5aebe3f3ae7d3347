/* rpc.discover: the table of methods as an OpenRPC document (https://spec.open-rpc.org, 1.3.2). */
#ifndef SLUICE_HANDLERS_RPC_DISCOVER_H
#define SLUICE_HANDLERS_RPC_DISCOVER_H

#include "handlers/rpc/rpc.h"

/* The document; NULL without memory. */
json_t *discover_document(const struct rpc *rpc);

#endif
