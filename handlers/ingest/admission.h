/* What stops a POST before its body is looked at.
 *
 *     Idempotency-Key -> its first answer, whatever the log's state is, 409, 422 · log, queue -> 507, 503 ·
 *     client's rate -> 429 */
#ifndef SLUICE_HANDLERS_INGEST_ADMISSION_H
#define SLUICE_HANDLERS_INGEST_ADMISSION_H

#include "handlers/ingest/decode.h"
#include "handlers/ingest/ingest.h"

struct request;

/* A sentence about a refusal of the journal (-EBUSY, -EAGAIN, -ENOSPC, -EIO), -E2BIG or -ENOMEM. */
const char *admission_reason(int refusal);
/* Counts one of the journal's. */
void admission_count(struct ingest *ingest, int refusal);
/* Counts it and answers with it. */
void admission_refuse(struct ingest *ingest, struct request *request, enum answer_style style, int refusal);
/* The client as the limits see it; NULL without memory. */
struct limiter_client *admission_client(struct ingest *ingest, const struct request *request);
/* True: the POST, which is promised ack, may go on; *entry is pending if it has an Idempotency-Key; false: it was
 * answered. */
bool admission_pass(struct ingest *ingest, enum answer_style style, int ack, struct request *request,
                    struct idempotency_entry **entry);

#endif
