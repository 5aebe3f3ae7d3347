#include "handlers/ingest/push.h"

#include "handlers/ingest/acceptance.h"
#include "handlers/ingest/admission.h"
#include "handlers/ingest/answer.h"
#include "handlers/ingest/json_records.h"
#include "offload/clock.h"
#include "reactor/loop.h"
#include "reactor/request.h"

#include <errno.h>
#include <stdlib.h>

/* A batch on its way, and whom to tell. */
struct push {
    void (*done)(void *context, const struct batch *batch, int error);
    void *context;
};

int push_refusal(struct ingest *ingest, const struct request *request, double *wait) {
    int refusal = journal_refusal(&ingest->journal);
    struct limiter_client *client = refusal ? NULL : admission_client(ingest, request);
    *wait = 0;
    ingest->stats.batches++;
    if (client && !limiter_allows(&ingest->limiter, client)) {
        *wait = limiter_wait(&ingest->limiter, client);
        ingest->stats.limited++;
        return -EDQUOT;
    }
    if (refusal)
        admission_count(ingest, refusal);
    return refusal;
}

int push_decode(const struct ingest *ingest, json_t *records, struct batch **out) {
    struct decoding decoding = {.batch = batch_new(RECORD_JSON)};
    *out = decoding.batch;
    if (!decoding.batch)
        return -ENOMEM;
    rules_init(&decoding.rules, ingest->settings, true, clock_wall_ms());
    json_records_read(&decoding, records);
    rules_free(&decoding.rules);
    return decoding.error;
}

/* Tells the caller, if it still waits, and frees the batch. */
static void end(struct batch *batch, int error) {
    struct push *push = batch->context;
    if (push)
        push->done(push->context, batch, error);
    free(push);
    batch_free(batch);
}

static void applied(struct batch *batch) {
    end(batch, 0);
}

static void fail(struct batch *batch, int error) {
    acceptance_undo(batch);
    end(batch, error);
}

static void logged(struct batch *batch, int error) {
    batch->ingest->stats.lost += error && !batch->context;
    if (error)
        fail(batch, error);
    else
        acceptance_logged(batch, applied);
}

/* Sends the samples that may be taken to the log. */
static void taken(struct batch *batch) {
    struct ingest *ingest = batch->ingest;
    int error = batch->starved ? -ENOMEM : answer_make(ANSWER_COUNTS, batch);
    if (!error && batch->count > 0)
        error = journal_append(&ingest->journal, batch);
    if (error || batch->count == 0) {
        fail(batch, error);
        return;
    }
    ingest->stats.accepted += batch->count;
    if (batch->ack == ACK_MEMORY) {
        struct push *push = batch->context;
        push->done(push->context, batch, 0);
        free(push);
        batch->context = NULL;
    }
}

void push_hand_in(struct ingest *ingest, const struct request *request, struct batch *batch,
                  void (*done)(void *context, const struct batch *batch, int error), void *context) {
    struct push *push = malloc(sizeof(*push));
    if (!push) {
        done(context, batch, -ENOMEM);
        batch_free(batch);
        return;
    }
    *push = (struct push){done, context};
    batch->ingest = ingest;
    batch->ack = ingest->settings->ack;
    batch->done = logged;
    batch->context = push;
    acceptance_take(batch, admission_client(ingest, request), taken);
}
