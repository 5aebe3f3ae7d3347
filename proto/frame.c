#include "proto/frame.h"

#include "proto/little.h"

static const char magics[][4] = {[FRAME_SLC1] = {'S', 'L', 'C', '1'}, [FRAME_MCP1] = {'M', 'C', 'P', '1'}};

struct verdict frame_decode(const void *bytes, size_t n, enum frame_magic magic, uint32_t limit,
                            struct frame *out) {
    const uint8_t *p = bytes;
    if (n > 0 && memcmp(p, magics[magic], n < 4 ? n : 4) != 0)
        return verdict_bad(STATUS_BAD_REQUEST, "bad magic at the start of a frame");
    if (n < FRAME_HEADER)
        return verdict_more(FRAME_HEADER);
    *out = (struct frame){.op = p[4],
                          .flags = p[5],
                          .status = p[6],
                          .nfds = p[7],
                          .tag = little_get32(p + 8),
                          .length = little_get32(p + 12)};
    if (out->length > limit)
        return verdict_bad(STATUS_TOO_LARGE, "frame longer than the limit");
    size_t whole = FRAME_HEADER + (size_t)out->length;
    return n < whole ? verdict_more(whole) : verdict_frame(whole);
}

void frame_encode(void *out, enum frame_magic magic, const struct frame *frame) {
    uint8_t *p = out;
    memcpy(p, magics[magic], 4);
    p[4] = frame->op;
    p[5] = frame->flags;
    p[6] = frame->status;
    p[7] = frame->nfds;
    little_put32(p + 8, frame->tag);
    little_put32(p + 12, frame->length);
}
