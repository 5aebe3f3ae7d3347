/* gzip: never more than the limit, whatever comes.
 *
 *     input: a body
 */
#include "handlers/ingest/gunzip.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *bytes = fuzz_copy(data, size), *out;
    size_t n;
    int error = gunzip(span_of(bytes, size), 100000, 10, &out, &n);
    fuzz_check(error <= 0 && (error != 0) == (out == NULL));
    fuzz_check(error || n <= 100000);
    free(out);
    free(bytes);
    return 0;
}
