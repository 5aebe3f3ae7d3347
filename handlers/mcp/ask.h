/* Questions to the client in the middle of a call: sampling, elicitation, roots.
 *
 *     work -> asks -> legacy: requests to the client, on the call's stream or socket -> answers -> work again
 *                  -> modern: result "input_required" with a signed requestState; the client calls again with
 *                     inputResponses, and what it answered before comes back in the state */
#ifndef SLUICE_HANDLERS_MCP_ASK_H
#define SLUICE_HANDLERS_MCP_ASK_H

#include "handlers/mcp/mcp.h"

/* For rpc->ask and rpc->prepare. */
void ask_client(struct rpc_call *call, json_t *asks);
void ask_prepare(struct rpc_call *call, struct rpc_work *work);
/* For a transport's answered(): an answer from the client of this batch. */
void ask_answered(struct rpc_batch *batch, struct span id, struct span result, struct span error);
/* The server is shutting down: calls that wait for answers get an error. */
void ask_drain(struct mcp *mcp);
/* Takes the answers that a modern call may carry into call->answers. False: its state is not ours, and the call was
 * answered with an error. */
bool ask_take_inputs(struct rpc_call *call, json_t *params);

#endif
