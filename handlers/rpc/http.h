/* POST /rpc: a message as the body, its answer as the reply's: 200, or 204 where nothing is to be said. */
#ifndef SLUICE_HANDLERS_RPC_HTTP_H
#define SLUICE_HANDLERS_RPC_HTTP_H

#include "handlers/rpc/rpc.h"

#define RPC_HTTP_PATH "/rpc"

/* Prepares rpc->http_handler. */
void rpc_http_init(struct rpc *rpc);
/* Sends JSON text (malloc'ed, now this function's) with a status. */
void rpc_http_reply(struct request *request, int status, char *text, size_t n);
/* NULL if the body is JSON as far as its fields say, else why not: for a 415. */
const char *rpc_http_unreadable(const struct exchange *exchange);

#endif
