/* Streamable HTTP: POST, GET and DELETE of /mcp, in both eras. */
#ifndef SLUICE_HANDLERS_MCP_HTTP_H
#define SLUICE_HANDLERS_MCP_HTTP_H

#include "handlers/mcp/mcp.h"

/* Prepares mcp->http_handler. */
void mcp_http_init(struct mcp *mcp);
/* initialize: the reply will carry the token as its Mcp-Session-Id. False: no memory. */
bool mcp_http_begin(struct rpc_call *call, const struct mcp_token *token);
/* Gets the token that the request carried. False: there was none. */
bool mcp_http_token(struct rpc_call *call, struct mcp_token *token);
/* The same for a batch; NULL: none. */
const struct mcp_token *mcp_http_batch_token(const struct rpc_batch *batch);
/* Replies with an error that belongs to no call; for the arguments see message_add_error(). */
void mcp_http_refuse(struct request *request, int status, int code, const char *words, struct span data,
                     struct span id);
/* The call's error concerns the whole message, so the reply's status is 400. Does nothing on sockets. */
void mcp_http_refused(struct rpc_call *call);

#endif
