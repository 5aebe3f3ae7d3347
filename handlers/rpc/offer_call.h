/* A module's handler at work: what sluice_rpc.h lets it say, put into the work of a call. */
#ifndef SLUICE_HANDLERS_RPC_OFFER_CALL_H
#define SLUICE_HANDLERS_RPC_OFFER_CALL_H

#include "handlers/rpc/call.h"
#include "handlers/rpc/sluice_rpc.h"

/* Runs the offer's handler on this thread; a result, an error, or questions to the client are in work then. */
void offer_call(const struct sluice_offer *offer, struct rpc_work *work, json_t *params);

#endif
