/* Our own JSON: what is taken obeys the rules, and is the same with and without the shortcut for plain records.
 *
 *     input: a body
 */
#include "handlers/ingest/json_records.h"
#include "tests/fuzz/metrics.h"

static void same(const uint8_t *data, size_t size) {
    struct decoding each[2];
    char *bytes = fuzz_copy(data, size);
    for (int i = 0; i < 2; i++) {
        each[i] = (struct decoding){
            .batch = batch_new(RECORD_NONE),
            .rules = {.labels = 8, .name_length = 50, .value_length = 50, .now_ms = 1700000000000}};
        (i ? json_records_decode_any : json_records_decode)(&each[i], span_of(bytes, size));
    }
    struct batch *a = each[0].batch, *b = each[1].batch;
    fuzz_check(a->count == b->count && a->by_line == b->by_line && a->refusals.count == b->refusals.count);
    fuzz_check(a->n == b->n && (a->count == 0 || memcmp(a->bytes + RECORD_HEAD, b->bytes + RECORD_HEAD,
                                                        a->n - RECORD_HEAD) == 0));
    fuzz_check(a->count == 0 || memcmp(a->places, b->places, a->count * sizeof(*a->places)) == 0);
    for (int i = 0; i < 2; i++) {
        rules_free(&each[i].rules);
        batch_free(each[i].batch);
    }
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_decoder(json_records_decode, false, data, size);
    same(data, size);
    return 0;
}
