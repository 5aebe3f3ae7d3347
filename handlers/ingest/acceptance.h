/* What a batch does to series and counters, on its way to the log and afterwards.
 *
 *     decoded -> acceptance_take(): charged, samples without a place in the table removed, counted -> passed()
 *             -> log -> acceptance_logged(): the samples are the latest of their series -> passed()
 *                '-> acceptance_undo()
 *
 * A long batch goes through the table in steps, between which others are served; passed() is called after the last. For
 * a short batch that happens at once, inside the call. */
#ifndef SLUICE_HANDLERS_INGEST_ACCEPTANCE_H
#define SLUICE_HANDLERS_INGEST_ACCEPTANCE_H

#include "handlers/ingest/ingest.h"

/* For a sender that gets an answer: charges the client (NULL: nobody) and removes samples that would be one series too
 * many for the client or the table, or whose name has another type; all of them, if some were refused and `partial` is
 * off. batch->ingest must be set. batch->starved then says whether some found no memory. */
void acceptance_take(struct batch *batch, struct limiter_client *client, void (*passed)(struct batch *batch));
/* The same for senders that get no answer, like statsd's: all at once, no client is charged, `partial` is ignored. */
void acceptance_take_now(struct batch *batch);
/* The batch is in the log. */
void acceptance_logged(struct batch *batch, void (*passed)(struct batch *batch));
/* What was taken is not in the log, and will not be. */
void acceptance_undo(struct batch *batch);

#endif
