/* Resources, resource templates and prompts of other families and of modules: rpc_method rows outside the table of
 * methods, flagged RPC_RESOURCE, RPC_TEMPLATE or RPC_PROMPT. Their results are MCP's own. */
#ifndef SLUICE_HANDLERS_MCP_REGISTRY_H
#define SLUICE_HANDLERS_MCP_REGISTRY_H

#include "handlers/mcp/mcp.h"

/* Adds an item, which is not copied and must stay valid. 0; -EEXIST; -ENOMEM. */
int registry_add(struct mcp *mcp, const struct rpc_method *item);
/* Adds the resources that the call's client may use to a list, with a comma before each but the first. True: there are
 * some. */
bool registry_add_resources(const struct rpc_call *call, struct text *out);
/* The same for templates and prompts, with a comma before each. */
void registry_add_templates(const struct rpc_call *call, struct text *out);
void registry_add_prompts(const struct rpc_call *call, struct text *out);
/* Lets the resource with this URI, or the template that matches it, answer. False: there is none. */
bool registry_read(struct mcp *mcp, struct rpc_call *call, const char *uri);
/* The prompt of this name, or NULL. */
const struct rpc_method *registry_prompt(const struct mcp *mcp, const char *name);

#endif
