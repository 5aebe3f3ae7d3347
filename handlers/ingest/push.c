#include "handlers/ingest/push.h"

#include "handlers/ingest/acceptance.h"
#include "handlers/ingest/admission.h"
#include "handlers/ingest/answer.h"
#include "handlers/ingest/json_records.h"
#include "reactor/loop.h"
#include "reactor/request.h"

#include <errno.h>
#include <stdlib.h>

/* A batch on its way, and who waits for it. */
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
    ingest->stats.queue_full += refusal == -EBUSY;
    ingest->stats.held += refusal == -EAGAIN;
    ingest->stats.disk_full += refusal == -ENOSPC;
    ingest->stats.log_failed += refusal == -EIO;
    return refusal;
}

int push_decode(const struct ingest *ingest, json_t *records, struct batch **out) {
    struct decoding decoding = {.batch = batch_new(RECORD_JSON)};
    *out = decoding.batch;
    if (!decoding.batch)
        return -ENOMEM;
    rules_init(&decoding.rules, ingest->settings, true, ingest_wall_ms());
    json_records_read(&decoding, records);
    rules_free(&decoding.rules);
    return decoding.error;
}

static void end(struct batch *batch, struct push *push, int error) {
    if (push)
        push->done(push->context, batch, error);
    free(push);
}

static void logged(struct batch *batch, int error) {
    struct ingest *ingest = batch->ingest;
    if (error == 0)
        acceptance_logged(ingest, batch);
    else if (!batch->context)
        ingest->stats.lost++;
    end(batch, batch->context, error);
    batch_free(batch);
}

/* Nothing of the batch goes to the log. */
static void drop(struct batch *batch, struct push *push, int error) {
    end(batch, push, error);
    batch_free(batch);
}

void push_hand_in(struct ingest *ingest, const struct request *request, struct batch *batch,
                  void (*done)(void *context, const struct batch *batch, int error), void *context) {
    struct push *push = malloc(sizeof(*push));
    bool at_once = ingest->settings->ack == ACK_MEMORY;
    if (!push) {
        done(context, batch, -ENOMEM);
        batch_free(batch);
        return;
    }
    *push = (struct push){done, context};
    batch->ingest = ingest;
    batch->ack = ingest->settings->ack;
    batch->done = logged;
    batch->context = at_once ? NULL : push;
    int error = acceptance_take(ingest, batch, admission_client(ingest, request));
    if (!error)
        error = answer_make(ANSWER_COUNTS, batch);
    if (!error && batch->count > 0)
        error = journal_append(&ingest->journal, batch);
    if (error || batch->count == 0) {
        drop(batch, push, error);
        return;
    }
    ingest->stats.accepted += batch->count;
    if (at_once)
        end(batch, push, 0);
}
