/* Runs a module's handler: what it says through sluice_rpc.h is put into the work of a call. */
#ifndef SLUICE_HANDLERS_RPC_OFFER_CALL_H
#define SLUICE_HANDLERS_RPC_OFFER_CALL_H

#include "handlers/rpc/call.h"
#include "handlers/rpc/sluice_rpc.h"

/* Runs the offer's handler on this thread; afterwards work has a result, an error, or questions to the client. */
void offer_call(const struct sluice_offer *offer, struct rpc_work *work, json_t *params);

#endif
