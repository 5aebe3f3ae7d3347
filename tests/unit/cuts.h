/* Feeds a message to an incremental decoder in every way a network may cut it: the outcome must not differ.
 */
#ifndef SLUICE_TESTS_CUTS_H
#define SLUICE_TESTS_CUTS_H

#include "proto/http1_scan.h"
#include "proto/span.h"

struct cuts_outcome {
    struct http1_verdict verdict;
    char text[512]; /* FRAME: what was decoded, as the test describes it */
};

/* Decodes n bytes with what scan remembers; arg is the test's. */
typedef void cuts_decode(struct http1_scan *scan, const char *bytes, size_t n, const void *arg,
                         struct cuts_outcome *out);

/* The outcome of the whole message at once. Fails the test, naming it, unless the outcome is the same byte by
 * byte, in two parts cut at every place, and with other bytes behind it. Every call sees the bytes at another
 * address, in memory of exactly their size. */
struct cuts_outcome cuts_check(const char *name, struct span message, cuts_decode *decode, const void *arg);

#endif
