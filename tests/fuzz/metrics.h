/* What the targets for formats of metrics check: every sample that was taken obeys the rules and reads back from the
 * log's form; the number of samples and refusals is what the batch says. */
#ifndef SLUICE_TESTS_FUZZ_METRICS_H
#define SLUICE_TESTS_FUZZ_METRICS_H

#include "handlers/ingest/decode.h"
#include "handlers/ingest/statsd_sets.h"
#include "tests/fuzz/fuzz.h"

#include <math.h>

static inline void fuzz_decoder(ingest_decoder *decoder, bool escape, const uint8_t *data, size_t size) {
    struct statsd_sets sets = {0};
    struct decoding decoding = {
        .batch = batch_new(RECORD_NONE),
        .sets = &sets,
        .rules = {
            .escape = escape, .labels = 8, .name_length = 50, .value_length = 50, .now_ms = 1700000000000}};
    struct fault fault;
    char *bytes = fuzz_copy(data, size);
    decoder(&decoding, span_of(bytes, size));
    free(bytes);
    struct span rest = batch_samples(decoding.batch);
    struct sample sample;
    uint32_t count = 0;
    for (; sample_decode(&rest, &sample) == 0; count++) {
        fuzz_check(isfinite(sample.value) && sample.labels_n <= 8 && sample.name.n <= 51);
        decoding.rules.escape = false; /* names are good as they stand now */
        decoding.rules.name_length = 51;
        fuzz_check(validate_sample(&decoding.rules, &sample, &fault));
    }
    fuzz_check(rest.n == 0 && count == decoding.batch->count);
    uint64_t refused = 0;
    for (int i = 0; i < REFUSALS; i++)
        refused += decoding.batch->refusals.by_code[i];
    fuzz_check(refused == decoding.batch->refusals.count);
    rules_free(&decoding.rules);
    statsd_sets_free(&sets);
    batch_free(decoding.batch);
}

#endif
