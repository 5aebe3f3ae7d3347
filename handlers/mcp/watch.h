/* Checks, once a second, the calls that wait for their clients: a client from which nothing more is read will never
 * answer, and a draining server must not wait for anybody. Runs only while there are such calls. */
#ifndef SLUICE_HANDLERS_MCP_WATCH_H
#define SLUICE_HANDLERS_MCP_WATCH_H

#include "handlers/mcp/mcp.h"

void mcp_watch_init(struct mcp *mcp);
/* Ends all subscriptions/listen, and tells their clients. For watch.c. */
void mcp_listen_drain(struct mcp *mcp);

#endif
