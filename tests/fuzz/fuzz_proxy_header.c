/* The PROXY header: a decision never changes with more bytes, and what was read is written the same.
 *
 *     input: a connection's first bytes
 */
#include "tests/fuzz/fuzz.h"

#include "proto/proxy_header.h"

typedef size_t proxy_writer(const struct proxy_header *header, char out[PROXY_HEADER_ROOM]);

/* Written by either version and read back: the same addresses. */
static void check_written(const struct proxy_header *header, proxy_writer *write) {
    char bytes[PROXY_HEADER_ROOM];
    struct proxy_header again;
    size_t n = write(header, bytes);
    fuzz_check(n > 0 && n <= sizeof(bytes));
    struct verdict verdict = proxy_header_decode(bytes, n, &again);
    fuzz_check(verdict.kind == VERDICT_FRAME && verdict.n == n);
    fuzz_check(again.local == header->local);
    if (!again.local)
        fuzz_check(memcmp(&again.source, &header->source, sizeof(again.source)) == 0 &&
                   memcmp(&again.destination, &header->destination, sizeof(again.destination)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct proxy_header header;
    struct verdict whole = proxy_header_decode(data, size, &header);
    fuzz_check(whole.kind != VERDICT_FRAME ||
               (whole.n > 0 && whole.n <= size && whole.n <= PROXY_HEADER_MAX));
    fuzz_check(whole.kind != VERDICT_MORE || size < PROXY_HEADER_MAX);
    if (whole.kind == VERDICT_FRAME) {
        check_written(&header, proxy_header_write1);
        check_written(&header, proxy_header_write2);
    }
    for (size_t n = 0; n < size && n <= PROXY_HEADER_MAX; n++) {
        char *bytes = fuzz_copy(data, n);
        struct proxy_header cut;
        struct verdict verdict = proxy_header_decode(bytes, n, &cut);
        free(bytes);
        if (verdict.kind == VERDICT_MORE)
            continue;
        fuzz_check(verdict.kind == whole.kind);
        fuzz_check(verdict.kind != VERDICT_FRAME || (verdict.n == whole.n && n >= whole.n));
    }
    return 0;
}
