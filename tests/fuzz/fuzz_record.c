/* Records of the log: what is read seals to the same bytes, and its parts lie within it.
 *
 *     input: bytes of a segment behind its head; their check sums are set right
 */
#include "handlers/ingest/segment.h"
#include "proto/little.h"
#include "proto/sample.h"
#include "tests/fuzz/fuzz.h"

static void check_parts(const struct record *record) {
    struct span key, answer, samples;
    struct sample sample;
    if (record_split(record, &key, &answer, &samples) != 0)
        return;
    while (sample_decode(&samples, &sample) == 0) {
        size_t n = sample_size(&sample);
        char *again = malloc(n);
        struct span rest = span_of(again, n);
        struct sample second;
        sample_encode(&sample, again);
        fuzz_check(sample_decode(&rest, &second) == 0 && rest.n == 0);
        fuzz_check(span_equal(sample.name, second.name) && sample.labels_n == second.labels_n);
        free(again);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *bytes = fuzz_copy(data, size);
    struct record record;
    if (size >= RECORD_HEAD && little_get32(bytes) > 0 && little_get32(bytes) <= size - RECORD_HEAD) {
        struct record made = {.sequence = little_get64(bytes + 8),
                              .time_ms = (int64_t)little_get64(bytes + 16),
                              .format = 1,
                              .flags = (uint16_t)(bytes[26] & 1),
                              .count = little_get32(bytes + 28),
                              .payload = span_of(bytes + RECORD_HEAD, little_get32(bytes))};
        record_seal(bytes, &made);
        fuzz_check(record_parse(span_of(bytes, size), &record) == (ssize_t)(RECORD_HEAD + made.payload.n));
        fuzz_check(record.sequence == made.sequence && record.count == made.count);
        check_parts(&record);
    }
    ssize_t n = record_parse(span_of(bytes, size), &record);
    fuzz_check(n <= (ssize_t)size);
    free(bytes);
    return 0;
}
