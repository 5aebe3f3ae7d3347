/* Offers of modules (sluice_rpc.h) as methods, as what MCP offers, and as HTTP routes. */
#ifndef SLUICE_HANDLERS_RPC_OFFERS_H
#define SLUICE_HANDLERS_RPC_OFFERS_H

#include "handlers/http/dispatch.h"
#include "handlers/rpc/rpc.h"
#include "handlers/rpc/sluice_rpc.h"

struct offers;

/* Begins a collection. NULL without memory. */
struct offers *offers_new(struct rpc *rpc);
void offers_free(struct offers *offers);
/* Adds an offer, which must stay valid. other: takes what is not a method of rpc's table (resources, templates,
 * prompts); may be NULL. 0, or -errno with a reason. */
int offers_add(struct offers *offers, const struct sluice_offer *offer, struct dispatch *dispatch,
               int (*other)(struct mcp *mcp, const struct rpc_method *item), char *why, size_t why_size);

#endif
