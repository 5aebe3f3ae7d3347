/* Log-linear histogram of 64-bit values (nanoseconds, bytes): constant relative precision, constant memory.
 *
 *     value -> (exponent, top `bits` bits) -> one bucket; width of a bucket <= value / 2^bits
 */
#ifndef SLUICE_PROTO_HISTOGRAM_H
#define SLUICE_PROTO_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

struct histogram {
    uint64_t count, sum, min, max;
    unsigned bits;  /* sub-buckets per power of two: 2^bits */
    uint64_t limit; /* larger values are counted as this one */
    unsigned buckets;
    uint64_t *counts; /* owned */
};

/* bits 3..12 (relative error 2^-bits), limit: largest value told apart. 0 or -ENOMEM, -EINVAL. */
int histogram_init(struct histogram *h, unsigned bits, uint64_t limit);
/* The same with the counts in the caller's memory, histogram_room() zeroed bytes, which may be shared with another
 * process. Such a histogram must not be passed to histogram_free(). */
void histogram_place(struct histogram *h, unsigned bits, uint64_t limit, void *counts);
size_t histogram_room(unsigned bits, uint64_t limit);
void histogram_free(struct histogram *h);
void histogram_reset(struct histogram *h);
void histogram_add(struct histogram *h, uint64_t value);
/* Adds n times the same value. */
void histogram_add_n(struct histogram *h, uint64_t value, uint64_t n);
/* Adds the counts of other, which must have the same bits and limit. */
void histogram_merge(struct histogram *h, const struct histogram *other);
/* The value at quantile q (0..1): the highest value equivalent to the bucket's, at most max; 0 if empty. */
uint64_t histogram_quantile(const struct histogram *h, double q);
/* Lowest value of bucket i, for exports. */
uint64_t histogram_bucket_low(const struct histogram *h, unsigned i);

#endif
