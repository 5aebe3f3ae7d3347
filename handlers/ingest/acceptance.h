/* What a batch means for series and counters, on its way to the log and behind it. */
#ifndef SLUICE_INGEST_ACCEPTANCE_H
#define SLUICE_INGEST_ACCEPTANCE_H

#include "handlers/ingest/ingest.h"

/* Takes those samples out of a decoded batch that would be a series too many for the client (NULL: nobody's) or the
 * table, or are of another type than their name. 0 or -ENOMEM. */
int acceptance_limit(struct ingest *ingest, struct batch *batch, const struct limiter_client *client);
/* Counts what was refused. */
void acceptance_count(struct ingest *ingest, const struct batch *batch);
/* For who gets an answer: charges the client, and both of these with `partial` between them. 0 or -ENOMEM. */
int acceptance_take(struct ingest *ingest, struct batch *batch, struct limiter_client *client);
/* The log has the batch: its samples are the latest of their series. */
void acceptance_logged(struct ingest *ingest, const struct batch *batch);

#endif
