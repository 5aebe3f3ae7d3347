#include "proto/range.h"

#include "proto/chars.h"
#include "proto/http1_fields.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

/* A position; one that overflows becomes the largest number. */
static bool position(struct span digits, uint64_t *out) {
    int error = span_number(digits, UINT64_MAX, out);
    if (error == -ERANGE)
        *out = UINT64_MAX;
    return error != -EINVAL;
}

/* -suffix. False if it is malformed, or asks for the end of an empty object: that is satisfiable, but a 206 cannot
 * express it. */
static bool decode_suffix(struct span digits, uint64_t size, struct range *out) {
    uint64_t suffix;
    if (!position(digits, &suffix) || (size == 0 && suffix > 0))
        return false;
    uint64_t count = suffix < size ? suffix : size;
    *out = (struct range){size - count, count};
    return true;
}

/* One member of the set. False if it is malformed; count 0 if nothing of it is within the object (14.1.2). */
static bool decode_one(struct span spec, uint64_t size, struct range *out) {
    const char *dash = memchr(spec.p, '-', spec.n);
    if (!dash)
        return false;
    struct span left = span_of(spec.p, (size_t)(dash - spec.p));
    struct span right = span_of(dash + 1, spec.n - left.n - 1);
    uint64_t first, last = UINT64_MAX;
    if (left.n == 0)
        return decode_suffix(right, size, out);
    if (!position(left, &first) || (right.n > 0 && !position(right, &last)) || last < first)
        return false;
    if (first >= size)
        *out = (struct range){0, 0};
    else
        *out = (struct range){first, (last < size - 1 ? last : size - 1) - first + 1};
    return true;
}

enum range_result range_decode(struct span value, uint64_t size, struct range *ranges, unsigned max,
                               unsigned *n) {
    struct span unit = span_text("bytes=");
    uint64_t total = 0;
    bool any = false, too_many = false;
    *n = 0;
    if (value.n < unit.n || !span_equal_nocase(span_of(value.p, unit.n), unit))
        return RANGE_WHOLE;
    struct span rest = span_of(value.p + unit.n, value.n - unit.n);
    for (struct span spec; http1_list_next(&rest, &spec);) {
        struct range range;
        if (spec.n == 0) /* RFC 9110, 5.6.1.2 */
            continue;
        if (!decode_one(spec, size, &range))
            return RANGE_WHOLE;
        any = true;
        too_many |= range.count > 0 && (*n == max || range.count > size - total);
        if (range.count == 0 || too_many)
            continue;
        total += range.count;
        ranges[(*n)++] = range;
    }
    if (too_many || !any)
        *n = 0;
    return too_many || !any ? RANGE_WHOLE : *n > 0 ? RANGE_PARTS : RANGE_NONE;
}

size_t range_print(const struct range *range, uint64_t size, char out[RANGE_TEXT]) {
    int n = range ? snprintf(out, RANGE_TEXT, "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, range->offset,
                             range->offset + range->count - 1, size)
                  : snprintf(out, RANGE_TEXT, "bytes */%" PRIu64, size);
    return (size_t)n;
}
