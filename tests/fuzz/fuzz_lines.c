/* Newline framing: the same lines whatever the cuts and whatever was looked at before.
 *
 *     input: one byte for the limit, then a connection's bytes
 */
#include "tests/fuzz/fuzz.h"

#include "proto/lines.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0)
        return 0;
    size_t limit = data[0], n = size - 1;
    char *bytes = fuzz_copy(data + 1, n);
    struct span whole_line, line;
    struct verdict whole = lines_decode(bytes, n, 0, limit, &whole_line);
    size_t seen = 0;
    for (size_t cut = 0; cut <= n; cut++) {
        struct verdict part = lines_decode(bytes, cut, seen, limit, &line);
        if (part.kind == VERDICT_MORE) {
            fuzz_check(cut < n || whole.kind == VERDICT_MORE);
            fuzz_check(cut <= limit + 1);
            seen = cut;
            continue;
        }
        fuzz_check(part.kind == whole.kind);
        if (part.kind == VERDICT_FRAME) {
            fuzz_check(part.n == whole.n && part.n == cut && span_equal(line, whole_line));
            fuzz_check(line.n <= limit && !memchr(line.p, '\n', line.n) && bytes[part.n - 1] == '\n');
        }
        break;
    }
    free(bytes);
    return 0;
}
