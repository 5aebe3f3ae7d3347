/* The JSON-RPC methods of all families, and their table for the documentation. */
#ifndef SLUICE_TOOLS_METHODS_H
#define SLUICE_TOOLS_METHODS_H

#include "handlers/rpc/admin_methods.h"
#include "handlers/rpc/gateway_methods.h"
#include "handlers/rpc/metric_methods.h"
#include "handlers/rpc/object_methods.h"

#include <stdio.h>

struct methods {
    struct object_methods objects;
    struct admin_methods admin;
    struct gateway_methods gateway;
    struct metric_methods metrics;
};

/* Adds them all; what they work on must stay valid. ingest: NULL if ingestion is off. 0 or -errno. */
int methods_add(struct methods *methods, struct rpc *rpc, struct objects *objects, const struct mime *mime,
                struct gateway *gateway, struct ingest *ingest);
/* A Markdown table (README.md has it). 0 or -errno. */
int methods_print(FILE *out);

#endif
