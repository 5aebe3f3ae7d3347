/* Our own JSON: what is taken obeys the rules.
 *
 *     input: a body
 */
#include "handlers/ingest/json_records.h"
#include "tests/fuzz/metrics.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_decoder(json_records_decode, false, data, size);
    return 0;
}
