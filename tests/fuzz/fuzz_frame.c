/* Frame headers: a verdict does not depend on where the bytes are cut, and headers survive the round trip.
 *
 *     input: magic (bit 0), limit (1 byte, times 16), the connection's bytes
 */
#include "tests/fuzz/fuzz.h"

#include "proto/frame.h"

static void check_verdict(const char *bytes, size_t n, enum frame_magic magic, uint32_t limit) {
    struct frame frame;
    struct verdict verdict = frame_decode(bytes, n, magic, limit, &frame);
    unsigned char header[FRAME_HEADER];
    switch (verdict.kind) {
    case VERDICT_FRAME:
        fuzz_check(verdict.n <= n && verdict.n == FRAME_HEADER + (size_t)frame.length);
        fuzz_check(frame.length <= limit);
        frame_encode(header, magic, &frame);
        fuzz_check(memcmp(header, bytes, FRAME_HEADER) == 0);
        break;
    case VERDICT_MORE:
        fuzz_check(verdict.n > n && verdict.n <= FRAME_HEADER + (size_t)limit);
        break;
    case VERDICT_BAD:
        fuzz_check(n > 0 && verdict.reason);
        fuzz_check(verdict.status == STATUS_BAD_REQUEST || verdict.status == STATUS_TOO_LARGE);
        break;
    }
}

/* What was decided for n bytes holds for one more; what needs more bytes is not decided before they are
 * there. */
static void check_growth(const char *bytes, size_t n, enum frame_magic magic, uint32_t limit) {
    struct frame frame, grown;
    char *part = fuzz_copy(bytes, n);
    struct verdict before = frame_decode(part, n, magic, limit, &frame);
    struct verdict after = frame_decode(bytes, n + 1, magic, limit, &grown);
    if (before.kind != VERDICT_MORE) {
        fuzz_check(after.kind == before.kind && after.n == before.n && after.status == before.status);
        fuzz_check(before.kind == VERDICT_BAD || memcmp(&frame, &grown, sizeof(frame)) == 0);
    } else if (n + 1 < before.n) {
        fuzz_check(after.kind != VERDICT_FRAME);
    }
    check_verdict(part, n, magic, limit);
    free(part);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2)
        return 0;
    enum frame_magic magic = data[0] & 1 ? FRAME_MCP1 : FRAME_SLC1;
    uint32_t limit = data[1] * 16u;
    char *bytes = fuzz_copy(data + 2, size - 2);
    for (size_t n = 0; n < size - 2 && n < 512; n++)
        check_growth(bytes, n, magic, limit);
    check_verdict(bytes, size - 2, magic, limit);
    free(bytes);
    return 0;
}
