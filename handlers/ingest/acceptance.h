/* What a batch means for series and counters, on its way to the log and behind it.
 *
 *     decoded -> acceptance_take(): charged, samples without a place in the table taken out, counted -> passed()
 *             -> log -> acceptance_logged(): the samples are the latest of their series -> passed()
 *                '-> acceptance_undo()
 *
 * A long batch goes through the table in steps, others are served between; passed() comes then. A short one does it
 * at once, from inside the call. */
#ifndef SLUICE_HANDLERS_INGEST_ACCEPTANCE_H
#define SLUICE_HANDLERS_INGEST_ACCEPTANCE_H

#include "handlers/ingest/ingest.h"

/* For who gets an answer: charges the client (NULL: nobody), takes those samples out that would be a series too many
 * for the client or the table, or are of another type than their name, and all of them if some were refused and
 * `partial` is off. batch->ingest is set. */
void acceptance_take(struct batch *batch, struct limiter_client *client, void (*passed)(struct batch *batch));
/* The same where nobody gets an answer, like statsd: all at once, no client is charged, `partial` does not count. */
void acceptance_take_now(struct batch *batch);
/* The log has the batch. */
void acceptance_logged(struct batch *batch, void (*passed)(struct batch *batch));
/* The log does not have what was taken, and will not. */
void acceptance_undo(struct batch *batch);

#endif
