/* Samples that come by another way than an HTTP body: our own JSON records, already parsed.
 *
 *     push_refusal() -> push_decode(), on any thread -> push_hand_in() -> journal -> done() */
#ifndef SLUICE_HANDLERS_INGEST_PUSH_H
#define SLUICE_HANDLERS_INGEST_PUSH_H

#include "handlers/ingest/ingest.h"

#include <jansson.h>

struct request;

/* Why the client's samples cannot be taken now: -EBUSY, -ENOSPC, -EIO (see journal_refusal()), -EDQUOT: it sends more
 * than its rate, and may again in *wait seconds; 0: they can. Counted. */
int push_refusal(struct ingest *ingest, const struct request *request, double *wait);
/* Makes a batch of an object or an array of them (json_records.h); records are only looked at. The batch is the
 * caller's. 0, -ENOMEM or -E2BIG. */
int push_decode(const struct ingest *ingest, json_t *records, struct batch **out);
/* Takes a batch over. done() follows, perhaps from inside this call, with the answer made in the batch (counts and
 * refusals, as ANSWER_COUNTS) and error 0, or as in struct batch, or -E2BIG, -ENOMEM. */
void push_hand_in(struct ingest *ingest, const struct request *request, struct batch *batch,
                  void (*done)(void *context, const struct batch *batch, int error), void *context);

#endif
