/* Bucket of a value v with b = bits: below 2^b the value itself, above it the exponent and the b bits
 * that follow the leading one.
 *
 *     v      0 .. 2^b-1 | 2^b .. 2^(b+1)-1 | 2^(b+1) .. 2^(b+2)-1 | ...
 *     width       1     |        1         |          2           |  4 ...
 *     index  v                             | 2^b * shift + (v >> shift)
 */
#include "proto/histogram.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static inline unsigned bucket_of(const struct histogram *h, uint64_t value) {
    if (value >> h->bits == 0)
        return (unsigned)value;
    unsigned shift = 63 - (unsigned)__builtin_clzll(value) - h->bits;
    return (shift << h->bits) + (unsigned)(value >> shift);
}

static unsigned bucket_shift(const struct histogram *h, unsigned i) {
    unsigned row = i >> h->bits;
    return row > 0 ? row - 1 : 0;
}

int histogram_init(struct histogram *h, unsigned bits, uint64_t limit) {
    *h = (struct histogram){.bits = bits, .limit = limit};
    if (bits < 3 || bits > 12 || limit == 0)
        return -EINVAL;
    h->buckets = bucket_of(h, limit) + 1;
    h->counts = calloc(h->buckets, sizeof(*h->counts));
    return h->counts ? 0 : -ENOMEM;
}

void histogram_place(struct histogram *h, unsigned bits, uint64_t limit, void *counts) {
    assert(bits >= 3 && bits <= 12 && limit > 0);
    *h = (struct histogram){.bits = bits, .limit = limit, .counts = counts};
    h->buckets = bucket_of(h, limit) + 1;
}

size_t histogram_room(unsigned bits, uint64_t limit) {
    const struct histogram h = {.bits = bits};
    return (bucket_of(&h, limit) + 1) * sizeof(*h.counts);
}

void histogram_free(struct histogram *h) {
    free(h->counts);
    *h = (struct histogram){0};
}

void histogram_reset(struct histogram *h) {
    memset(h->counts, 0, h->buckets * sizeof(*h->counts));
    h->count = h->sum = h->min = h->max = 0;
}

void histogram_add(struct histogram *h, uint64_t value) {
    histogram_add_n(h, value, 1);
}

void histogram_add_n(struct histogram *h, uint64_t value, uint64_t n) {
    if (n == 0)
        return;
    if (value > h->limit)
        value = h->limit;
    if (value < h->min || h->count == 0)
        h->min = value;
    if (value > h->max)
        h->max = value;
    h->count += n;
    h->sum += value * n;
    h->counts[bucket_of(h, value)] += n;
}

void histogram_merge(struct histogram *h, const struct histogram *other) {
    assert(h->bits == other->bits && h->limit == other->limit);
    if (other->count == 0)
        return;
    if (other->min < h->min || h->count == 0)
        h->min = other->min;
    if (other->max > h->max)
        h->max = other->max;
    h->count += other->count;
    h->sum += other->sum;
    for (unsigned i = 0; i < h->buckets; i++)
        h->counts[i] += other->counts[i];
}

/* Nearest rank: the smallest r with r >= q * count. The product may come out a few units in the last
 * place too large (0.07 * 100 > 7), which must not cost a rank. */
static uint64_t rank_of(uint64_t count, double q) {
    double exact = q * (double)count * (1 - 1e-12);
    if (!(exact > 0))
        return 1;
    if (exact >= (double)count)
        return count;
    uint64_t rank = (uint64_t)exact;
    return (double)rank < exact ? rank + 1 : rank;
}

uint64_t histogram_quantile(const struct histogram *h, double q) {
    if (h->count == 0)
        return 0;
    uint64_t rank = rank_of(h->count, q);
    unsigned i = 0;
    for (uint64_t seen = h->counts[0]; seen < rank; seen += h->counts[i])
        i++;
    uint64_t high = histogram_bucket_low(h, i) + (((uint64_t)1 << bucket_shift(h, i)) - 1);
    return high < h->max ? high : h->max;
}

uint64_t histogram_bucket_low(const struct histogram *h, unsigned i) {
    unsigned shift = bucket_shift(h, i);
    return (uint64_t)(i - (shift << h->bits)) << shift;
}
