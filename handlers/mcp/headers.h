/* The modern era's headers, which must say what the body says (2026-07-28, Streamable HTTP, "Request Metadata"):
 * whoever routes by a header must not be deceived. */
#ifndef SLUICE_HANDLERS_MCP_HEADERS_H
#define SLUICE_HANDLERS_MCP_HEADERS_H

#include "handlers/mcp/mcp.h"
#include "handlers/rpc/message.h"

/* False: the request was answered with 400 and the code that fits. */
bool headers_match(struct mcp *mcp, struct request *request, const struct exchange *exchange,
                   const struct message *message);

#endif
