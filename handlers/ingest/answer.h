/* What a client is told about its batch. */
#ifndef SLUICE_HANDLERS_INGEST_ANSWER_H
#define SLUICE_HANDLERS_INGEST_ANSWER_H

#include "handlers/ingest/decode.h"

struct http1_reply;
struct request;

/* The word for an acknowledgement: "fsync", "write", "memory". */
const char *answer_ack_word(int ack);
/* Makes the answer's status and body, in the style, in the batch. 0 or -ENOMEM. */
int answer_make(enum answer_style style, struct batch *batch);
/* Replies with an answer: status, its body (an empty one with 204), and Sluice-Ack when samples were taken. */
void answer_reply(struct request *request, enum answer_style style, int status, struct span body, int ack,
                  uint64_t sequence, uint32_t count);

/* Replies that nothing of a batch was taken, with a name and a sentence; for OTLP as google.rpc.Status (OTLP/HTTP,
 * "Failures"). retry: seconds for Retry-After; 0: none. Begin and end are separate so that fields can be added between
 * them. */
void answer_error_begin(struct http1_reply *reply, struct request *request, enum answer_style style,
                        int status, uint64_t retry);
void answer_error_end(struct http1_reply *reply, enum answer_style style, int status, const char *name,
                      const char *text);
void answer_error(struct request *request, enum answer_style style, int status, const char *name,
                  const char *text);

#endif
