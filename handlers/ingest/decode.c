#include "handlers/ingest/decode.h"

#include <stdio.h>

bool decoding_take(struct decoding *decoding, struct sample *sample, uint32_t place, struct fault *fault) {
    if (!validate_sample(&decoding->rules, sample, fault))
        return false;
    int error = batch_add(decoding->batch, sample, place);
    if (error)
        decoding->error = error;
    return true;
}

void decoding_refuse(struct decoding *decoding, const struct place *place, enum refusal code,
                     const char *message) {
    refusals_add(&decoding->batch->refusals, place, code, message);
}

void decoding_spoil(struct decoding *decoding, const struct place *place, const char *message) {
    struct batch *batch = decoding->batch;
    refusals_free(&batch->refusals);
    batch->n = RECORD_HEAD;
    batch->count = 0;
    batch->malformed = true;
    decoding_refuse(decoding, place, REFUSAL_SYNTAX, message);
    snprintf(batch->refusals.first, sizeof(batch->refusals.first), "%s", message);
}
