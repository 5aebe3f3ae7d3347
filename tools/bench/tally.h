/* What a worker counts, in memory that it shares with the parent, which reads it while the load runs.
 *
 *     worker: tally_reply(), tally_error() -> [ counters | histograms ] -> parent: tally_merge(), live line
 */
#ifndef SLUICE_BENCH_TALLY_H
#define SLUICE_BENCH_TALLY_H

#include "proto/histogram.h"

#include <stdatomic.h>
#include <stdbool.h>

#define TALLY_BITS     10             /* a thousandth */
#define TALLY_LIMIT    3600000000000u /* ns */
#define TALLY_STATUSES 600            /* of SLC1 and of HTTP */
#define TALLY_FIRST    160            /* bytes of the first error's text */

enum bench_error {
#define BENCH_ERROR(name, word, meaning) ERROR_##name,
#include "tools/bench/errors.def"
#undef BENCH_ERROR
    BENCH_ERRORS
};

/* How a reply was delivered: each has its own latencies besides those of all. */
enum delivery { DELIVERY_NONE, DELIVERY_DESCRIPTOR, DELIVERY_BYTES, DELIVERIES };

struct tally {
    atomic_uint tried, connected; /* connections at the start: attempts that ended, and ended well */
    uint64_t replies;             /* all there were, measured or not */
    uint64_t requests, bytes;     /* measured: those answered well, and what was delivered */
    uint64_t timely_requests;     /* answered well within the measurement, whenever they were sent */
    uint64_t timely_bytes;        /* of bodies, received within the measurement */
    uint64_t by_delivery[DELIVERIES];
    uint64_t reconnects;
    uint64_t never_served; /* connections without a reply in the whole run, though they asked or tried to */
    uint64_t errors[BENCH_ERRORS];
    uint64_t statuses[TALLY_STATUSES]; /* of replies that were not, or not plainly, what was asked for */
    int64_t last_reply_ns;             /* of a measured request */
    bool lasted;                       /* there was load up to the end of the measurement */
    struct histogram latency, connect, refusal, of_delivery[DELIVERIES];
    char first_error[TALLY_FIRST];
};

const char *bench_error_word(enum bench_error error);
const char *bench_error_meaning(enum bench_error error);

/* A tally in shared memory, NULL without. */
struct tally *tally_new(void);
void tally_free(struct tally *tally);
/* All counts become 0. */
void tally_reset(struct tally *tally);
/* A measured request was answered well. */
void tally_reply(struct tally *tally, enum delivery delivery, int64_t intended_ns, int64_t now_ns,
                 uint64_t bytes);
/* A measured request was answered with an error status; the error is counted apart. */
void tally_refusal(struct tally *tally, int64_t intended_ns, int64_t now_ns);
/* n requests or attempts failed; what says more, in any bytes, for the first of them. */
void tally_error(struct tally *tally, enum bench_error error, uint64_t n, const char *what);
void tally_merge(struct tally *into, const struct tally *from);
uint64_t tally_errors(const struct tally *tally);

#endif
