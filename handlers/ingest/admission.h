/* Checks that can refuse a POST before its body is looked at.
 *
 *     Idempotency-Key -> its first answer, whatever the log's state is, 409, 422 · log, queue -> 507, 503 ·
 *     client's rate -> 429 */
#ifndef SLUICE_HANDLERS_INGEST_ADMISSION_H
#define SLUICE_HANDLERS_INGEST_ADMISSION_H

#include "handlers/ingest/decode.h"
#include "handlers/ingest/ingest.h"

struct request;

/* A sentence about a refusal: the journal's (-EBUSY, -EAGAIN, -ENOSPC, -EIO), -E2BIG or -ENOMEM. */
const char *admission_reason(int refusal);
/* Counts a refusal of the journal. */
void admission_count(struct ingest *ingest, int refusal);
/* Counts a refusal and answers the request with it. */
void admission_refuse(struct ingest *ingest, struct request *request, enum answer_style style, int refusal);
/* The client as the limits see it; NULL without memory. */
struct limiter_client *admission_client(struct ingest *ingest, const struct request *request);
/* May the POST, which is promised ack, go on? If so, *entry is pending if it has an Idempotency-Key, else NULL. False:
 * it was answered. */
bool admission_pass(struct ingest *ingest, enum answer_style style, int ack, struct request *request,
                    struct idempotency_entry **entry);

#endif
