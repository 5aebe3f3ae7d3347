/* What a client is told about its batch. */
#ifndef SLUICE_INGEST_ANSWER_H
#define SLUICE_INGEST_ANSWER_H

#include "handlers/ingest/decode.h"

struct request;

/* What an acknowledgement means, as a word: "fsync", "write", "memory". */
const char *answer_ack_word(int ack);
/* Writes the batch's status and body of the answer, in the style. 0 or -ENOMEM. */
int answer_make(enum answer_style style, struct batch *batch);
/* Replies with an answer: status, its body (an empty one with 204), and Sluice-Ack when samples were taken. */
void answer_reply(struct request *request, enum answer_style style, int status, struct span body, int ack,
                  uint64_t sequence, uint32_t count);

#endif
