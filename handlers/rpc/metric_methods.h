/* The methods metrics.push and metrics.query: samples into the log, and the latest values from the table of series. */
#ifndef SLUICE_HANDLERS_RPC_METRIC_METHODS_H
#define SLUICE_HANDLERS_RPC_METRIC_METHODS_H

#include "handlers/ingest/ingest.h"
#include "handlers/rpc/rpc.h"

#define METRIC_METHODS 2

struct metric_methods {
    struct rpc_method rows[METRIC_METHODS];
};

/* Adds them; ingest must stay valid. NULL: ingestion is off, and the methods say so. 0 or -errno. */
int metric_methods_add(struct metric_methods *methods, struct rpc *rpc, struct ingest *ingest);

#endif
