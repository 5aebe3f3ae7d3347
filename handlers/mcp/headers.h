/* The modern era's headers, which must agree with the body (2026-07-28, Streamable HTTP, "Request Metadata"), so that
 * intermediaries that route by a header are not deceived. */
#ifndef SLUICE_HANDLERS_MCP_HEADERS_H
#define SLUICE_HANDLERS_MCP_HEADERS_H

#include "handlers/mcp/mcp.h"
#include "handlers/rpc/message.h"

/* False: they disagree, and the request was answered with 400 and the appropriate code. */
bool headers_match(struct mcp *mcp, struct request *request, const struct exchange *exchange,
                   const struct message *message);

#endif
