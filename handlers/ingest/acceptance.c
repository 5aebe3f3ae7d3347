#include "handlers/ingest/acceptance.h"

#include "proto/crc32c.h"
#include "reactor/container.h"
#include "reactor/loop.h"

#include <stdio.h>

#define STEP_SAMPLES 2000 /* samples of one step: about a millisecond */

static struct batch *batch_of(struct task *task) {
    return CONTAINER_OF(task, struct batch, task);
}

/* Passes a batch's samples through the table of series, step by step if there are many. */
static void start(struct batch *batch, bool (*step)(struct task *task), void (*passed)(struct batch *batch)) {
    struct loop *loop = batch->ingest->loop;
    batch->left = batch_samples(batch);
    batch->at = 0;
    batch->passed = passed;
    batch->task.step = step;
    if (batch->count > STEP_SAMPLES && loop->state != LOOP_STOPPED) {
        tasks_add(&loop->tasks, &batch->task);
        return;
    }
    while (step(&batch->task))
        continue;
}

/* ---- before the log ---------------------------------------------------------------------------- */

static void refuse_series(struct batch *batch, uint32_t i, enum series_verdict verdict) {
    static const struct {
        enum refusal code;
        const char *member, *message;
    } reasons[] = {
        [SERIES_OTHER_TYPE] = {REFUSAL_TYPE, "/type", "this name has samples of another type"},
        [SERIES_OVERLAP] = {REFUSAL_NAME, "/name",
                            "this name and that of a histogram or summary overlap (_bucket, _sum, _count)"},
        [SERIES_LIMIT] = {REFUSAL_SERIES, "",
                          "a new series, and the client or the table has as many as it may "
                          "(series_per_client, series)"},
    };
    struct place place = {.is_line = batch->by_line, .number = batch->places[i]};
    char pointer[32];
    batch->places[i] = BATCH_REFUSED;
    if (verdict == SERIES_NO_MEMORY) { /* not the sender's mistake: the batch is to come again */
        batch->starved++;
        return;
    }
    int n = batch->in_array ? snprintf(pointer, sizeof(pointer), "/%u", place.number) : 0;
    snprintf(pointer + n, sizeof(pointer) - (size_t)n, "%s", reasons[verdict].member);
    if (batch->format == RECORD_JSON)
        place.pointer = pointer;
    else if (batch->by_line)
        place.column = 1;
    refusals_add(&batch->refusals, &place, reasons[verdict].code, reasons[verdict].message);
}

/* Admits up to `most` further samples. False: there are no more. */
static bool admit(struct batch *batch, unsigned most) {
    struct ingest *ingest = batch->ingest;
    struct sample sample;
    double now = loop_now(ingest->loop);
    for (; most > 0 && sample_decode(&batch->left, &sample) == 0; most--, batch->at++) {
        enum series_verdict verdict = series_admit(&ingest->series, &sample, batch->client, now);
        if (verdict != SERIES_GOOD)
            refuse_series(batch, batch->at, verdict);
    }
    return batch->left.n > 0;
}

/* All samples have passed: counts what was refused. */
static void admitted(struct batch *batch) {
    struct ingest_stats *stats = &batch->ingest->stats;
    const struct refusals *refusals = &batch->refusals;
    stats->rejected += refusals->count + batch->spoiled;
#define INGEST_REFUSAL(name, word, meaning) stats->rejected_##word += refusals->by_code[REFUSAL_##name];
#include "handlers/ingest/refusal.def"
#undef INGEST_REFUSAL
}

/* Refuses the good samples along with the bad ones. */
static void spoil(struct batch *batch) {
    acceptance_undo(batch);
    batch->spoiled = batch->count;
    batch->count = 0;
    batch->n = RECORD_HEAD;
}

static bool step_take(struct task *task) {
    struct batch *batch = batch_of(task);
    if (admit(batch, STEP_SAMPLES))
        return true;
    if (batch->refusals.count + batch->starved > 0 && batch->count > 0)
        batch_drop(batch);
    if (batch->refusals.count > 0 && !batch->ingest->settings->partial)
        spoil(batch);
    admitted(batch);
    batch->passed(batch);
    return false;
}

void acceptance_take(struct batch *batch, struct limiter_client *client,
                     void (*passed)(struct batch *batch)) {
    if (client) {
        limiter_charge(&batch->ingest->limiter, client, batch->count + batch->refusals.count);
        batch->client = 1 + (uint64_t)crc32c(0, client->key, sizeof(client->key));
    }
    start(batch, step_take, passed);
}

void acceptance_take_now(struct batch *batch) {
    batch->left = batch_samples(batch);
    admit(batch, UINT32_MAX);
    if (batch->count > 0)
        batch_drop(batch);
    admitted(batch);
}

/* ---- behind the log ---------------------------------------------------------------------------- */

static bool step_apply(struct task *task) {
    struct batch *batch = batch_of(task);
    struct ingest *ingest = batch->ingest;
    ingest_apply(ingest, &batch->left, STEP_SAMPLES);
    if (batch->left.n > 0)
        return true;
    ingest->stats.series = ingest->series.count;
    batch->passed(batch);
    return false;
}

void acceptance_logged(struct batch *batch, void (*passed)(struct batch *batch)) {
    batch->ingest->stats.acknowledged += batch->count;
    start(batch, step_apply, passed);
}

void acceptance_undo(struct batch *batch) {
    series_retract(&batch->ingest->series, batch_samples(batch));
}
