/* Payloads of the object protocol.
 *
 *     request   | u64 offset | u64 count | key                    |     F C S A I
 *     list      | u64 0      | u64 limit | prefix [ NUL after ]   |     L
 *     reply     | u64 size | u64 offset | u64 count | u64 version | i64 mtime_ns |
 */
#include "proto/object.h"

#include "proto/little.h"
#include "proto/utf8.h"

#define RANGE_BYTES 16 /* the two numbers before the key */

static bool is_dots(struct span segment) {
    return span_equal(segment, span_of(".", 1)) || span_equal(segment, span_of("..", 2));
}

static const char *segment_check(struct span segment) {
    if (segment.n == 0)
        return "a key has no empty segment";
    return is_dots(segment) ? "a key has no segment . or .." : NULL;
}

/* The rules for all bytes but the last segment's end: what also holds for the beginning of a key.
 * *last becomes the segment that the text ends in, *cut tells if it ends inside a character. */
static const char *path_check(struct span text, struct span *last, bool *cut) {
    size_t start = 0;
    *cut = false;
    if (text.n > OBJECT_KEY_MAX)
        return "a key has at most 1024 bytes";
    if (text.n > 0 && text.p[0] == '/')
        return "a key does not start with /";
    for (size_t i = 0; i < text.n;) {
        unsigned char c = (unsigned char)text.p[i];
        if (c < 0x20 || c == 0x7f)
            return "a key has no control character";
        if (c == '/') {
            const char *reason = segment_check(span_of(text.p + start, i - start));
            if (reason)
                return reason;
            start = i + 1;
        }
        int step = utf8_step(text.p + i, text.n - i);
        if (step < 0)
            return "a key is UTF-8";
        *cut = step == 0;
        i = step > 0 ? i + (size_t)step : text.n;
    }
    *last = span_of(text.n > 0 ? text.p + start : NULL, text.n - start);
    return NULL;
}

const char *object_key_check(struct span key) {
    struct span last;
    bool cut;
    if (key.n == 0)
        return "a key has at least 1 byte";
    const char *reason = path_check(key, &last, &cut);
    if (reason)
        return reason;
    return cut ? "a key is UTF-8" : segment_check(last);
}

const char *object_request_decode(struct span payload, struct object_request *out) {
    if (payload.n < RANGE_BYTES)
        return "the payload is shorter than offset and count";
    out->offset = little_get64(payload.p);
    out->count = little_get64(payload.p + 8);
    out->key = span_of(payload.p + RANGE_BYTES, payload.n - RANGE_BYTES);
    return object_key_check(out->key);
}

size_t object_request_encode(void *out, uint64_t offset, uint64_t count, struct span key) {
    char *p = out;
    little_put64(p, offset);
    little_put64(p + 8, count);
    memcpy(p + RANGE_BYTES, key.p, key.n);
    return RANGE_BYTES + key.n;
}

const char *object_list_decode(struct span payload, struct object_list_request *out) {
    if (payload.n < RANGE_BYTES)
        return "the payload is shorter than offset and limit";
    uint64_t limit = little_get64(payload.p + 8);
    if (little_get64(payload.p) != 0)
        return "the offset of a list is 0";
    if (limit > OBJECT_LIST_MAX)
        return "a list has at most 10000 entries";
    struct span text = span_of(payload.p + RANGE_BYTES, payload.n - RANGE_BYTES);
    const char *nul = text.n > 0 ? memchr(text.p, '\0', text.n) : NULL;
    out->limit = limit > 0 ? limit : OBJECT_LIST_USUAL;
    out->prefix = nul ? span_of(text.p, (size_t)(nul - text.p)) : text;
    out->after = nul ? span_of(nul + 1, text.n - out->prefix.n - 1) : span_of(NULL, 0);
    struct span last;
    bool cut;
    const char *reason = path_check(out->prefix, &last, &cut);
    if (reason == NULL && nul)
        reason = object_key_check(out->after);
    return reason;
}

size_t object_list_encode(void *out, const struct object_list_request *list) {
    char *p = out;
    little_put64(p, 0);
    little_put64(p + 8, list->limit);
    size_t n = RANGE_BYTES;
    if (list->prefix.n > 0)
        memcpy(p + n, list->prefix.p, list->prefix.n);
    n += list->prefix.n;
    if (list->after.n > 0) {
        p[n++] = '\0';
        memcpy(p + n, list->after.p, list->after.n);
        n += list->after.n;
    }
    return n;
}

void object_fields_encode(void *out40, const struct object_fields *fields) {
    char *p = out40;
    little_put64(p, fields->size);
    little_put64(p + 8, fields->offset);
    little_put64(p + 16, fields->count);
    little_put64(p + 24, fields->version);
    little_put64(p + 32, (uint64_t)fields->mtime_ns);
}

void object_fields_decode(const void *bytes40, struct object_fields *fields) {
    const char *p = bytes40;
    *fields = (struct object_fields){.size = little_get64(p),
                                     .offset = little_get64(p + 8),
                                     .count = little_get64(p + 16),
                                     .version = little_get64(p + 24),
                                     .mtime_ns = (int64_t)little_get64(p + 32)};
}

/* A bijection of 64 bits in which every input bit reaches every output bit: two rounds of
 * xor-shift and multiplication by odd constants (fractional bits of the roots of 2 and 3). */
static uint64_t scramble(uint64_t x) {
    x ^= x >> 32;
    x *= 0x6A09E667F3BCC909u;
    x ^= x >> 29;
    x *= 0xBB67AE8584CAA73Bu;
    return x ^ x >> 32;
}

uint64_t object_version(uint64_t device, uint64_t inode, uint64_t size, int64_t mtime_ns, int64_t ctime_ns) {
    uint64_t words[] = {device, inode, size, (uint64_t)mtime_ns, (uint64_t)ctime_ns};
    uint64_t hash = 0;
    /* The step number keeps apart equal words in different places. */
    for (uint64_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        hash = scramble(hash + words[i] + (i + 1) * 0x3C6EF372FE94F82Bu);
    return hash;
}

bool object_clip(uint64_t size, uint64_t offset, uint64_t *count) {
    if (offset > size)
        return false;
    if (*count == 0 || *count > size - offset)
        *count = size - offset;
    return true;
}
