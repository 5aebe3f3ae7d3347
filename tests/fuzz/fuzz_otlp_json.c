/* OTLP in JSON: what is taken obeys the rules.
 *
 *     input: a body
 */
#include "handlers/ingest/otlp.h"
#include "tests/fuzz/metrics.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_decoder(otlp_json_decode, true, data, size);
    return 0;
}
