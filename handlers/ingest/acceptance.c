#include "handlers/ingest/acceptance.h"

#include "proto/crc32c.h"
#include "reactor/loop.h"

#include <errno.h>
#include <stdlib.h>

void acceptance_count(struct ingest *ingest, const struct batch *batch) {
    struct ingest_stats *stats = &ingest->stats;
    const struct refusals *refusals = &batch->refusals;
    stats->rejected += refusals->count + batch->spoiled;
#define INGEST_REFUSAL(name, word, meaning) stats->rejected_##word += refusals->by_code[REFUSAL_##name];
#include "handlers/ingest/refusal.def"
#undef INGEST_REFUSAL
}

static void refuse_series(struct batch *batch, uint32_t i, enum series_verdict verdict) {
    struct place place = {.is_line = batch->by_line, .number = batch->places[i]};
    if (verdict == SERIES_OTHER_TYPE)
        refusals_add(&batch->refusals, &place, REFUSAL_TYPE, "this name has samples of another type");
    else
        refusals_add(
            &batch->refusals, &place, REFUSAL_SERIES,
            "a new series, and the client or the table has as many as it may (series_per_client, series)");
}

int acceptance_limit(struct ingest *ingest, struct batch *batch, const struct limiter_client *client) {
    struct span samples = batch_samples(batch);
    uint64_t id = client ? 1 + (uint64_t)crc32c(0, client->key, sizeof(client->key)) : 0, refused = 0;
    bool *bad = calloc(batch->count + 1, sizeof(*bad));
    struct sample sample;
    if (!bad)
        return -ENOMEM;
    for (uint32_t i = 0; sample_decode(&samples, &sample) == 0; i++) {
        enum series_verdict verdict = series_admit(&ingest->series, &sample, id, loop_now(ingest->loop));
        bad[i] = verdict != SERIES_GOOD;
        if (bad[i])
            refuse_series(batch, i, verdict);
        refused += bad[i];
    }
    if (refused > 0)
        batch_drop(batch, bad);
    free(bad);
    return 0;
}

int acceptance_take(struct ingest *ingest, struct batch *batch, struct limiter_client *client) {
    if (client)
        limiter_charge(&ingest->limiter, client, batch->count + batch->refusals.count);
    int error = acceptance_limit(ingest, batch, client);
    if (!ingest->settings->partial && batch->refusals.count > 0) {
        batch->spoiled = batch->count;
        batch->count = 0;
    }
    acceptance_count(ingest, batch);
    return error;
}

void acceptance_logged(struct ingest *ingest, const struct batch *batch) {
    ingest->stats.acknowledged += batch->count;
    series_apply(&ingest->series, batch_samples(batch), loop_now(ingest->loop));
    ingest->stats.series = ingest->series.count;
}
