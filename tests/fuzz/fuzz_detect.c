/* Detection: sixteen bytes decide, and more bytes never change a decision.
 *
 *     input: a connection's first bytes
 */
#include "tests/fuzz/fuzz.h"

#include "proto/detect.h"

static void check_cuts(const uint8_t *data, size_t size, bool proxy) {
    enum protocol decided = PROTOCOL_NONE;
    for (size_t n = 0; n <= size && n <= DETECT_MAX + 4; n++) {
        char *bytes = fuzz_copy(data, n);
        enum protocol protocol = detect_protocol(bytes, n, proxy);
        free(bytes);
        fuzz_check((unsigned)protocol < PROTOCOL_COUNT);
        fuzz_check(decided == PROTOCOL_NONE || protocol == decided);
        fuzz_check(n < DETECT_MAX || protocol != PROTOCOL_NONE);
        fuzz_check(n > 0 || protocol == PROTOCOL_NONE);
        decided = protocol;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    check_cuts(data, size, false);
    check_cuts(data, size, true);
    enum protocol plain = detect_protocol(data, size, false);
    enum protocol proxied = detect_protocol(data, size, true);
    fuzz_check(plain != PROTOCOL_PROXY1 && plain != PROTOCOL_PROXY2);
    if (proxied != PROTOCOL_PROXY1 && proxied != PROTOCOL_PROXY2 && proxied != PROTOCOL_NONE)
        fuzz_check(proxied == plain);
    return 0;
}
