/* POST /rpc: the body is a message, the reply's body its answer: 200, or 204 if there is nothing to answer. */
#ifndef SLUICE_HANDLERS_RPC_HTTP_H
#define SLUICE_HANDLERS_RPC_HTTP_H

#include "handlers/rpc/rpc.h"

#define RPC_HTTP_PATH "/rpc"

/* Prepares rpc->http_handler. */
void rpc_http_init(struct rpc *rpc);
/* Replies with JSON text (malloc'ed, taken over) and a status. */
void rpc_http_reply(struct request *request, int status, char *text, size_t n);
/* NULL if according to its header fields the body is JSON, else why not, for a 415. */
const char *rpc_http_unreadable(const struct exchange *exchange);

#endif
