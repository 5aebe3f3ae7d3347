/* Samples that do not come as an HTTP body: our own JSON records, already parsed.
 *
 *     push_refusal() -> push_decode(), on any thread -> push_hand_in() -> journal -> done() */
#ifndef SLUICE_HANDLERS_INGEST_PUSH_H
#define SLUICE_HANDLERS_INGEST_PUSH_H

#include "handlers/ingest/ingest.h"

#include <jansson.h>

struct request;

/* Why the client's samples cannot be taken now: -EBUSY, -EAGAIN, -ENOSPC, -EIO (see journal_refusal()); -EDQUOT: it has
 * exceeded its rate, and may send again in *wait seconds. 0: they can. Refusals are counted. */
int push_refusal(struct ingest *ingest, const struct request *request, double *wait);
/* Makes a batch of a record or an array of them (json_records.h), without changing records. The batch is the caller's.
 * 0, -ENOMEM or -E2BIG. */
int push_decode(const struct ingest *ingest, json_t *records, struct batch **out);
/* Takes over a batch. done() follows, perhaps from inside this call, with the answer in the batch (counts and refusals,
 * as ANSWER_COUNTS) and error: 0, an error as in struct batch, -E2BIG or -ENOMEM. */
void push_hand_in(struct ingest *ingest, const struct request *request, struct batch *batch,
                  void (*done)(void *context, const struct batch *batch, int error), void *context);

#endif
