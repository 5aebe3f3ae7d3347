#include "tools/bench/live.h"

#include "tools/terminal.h"

#include <inttypes.h>
#include <string.h>

int interval_init(struct interval *interval) {
    *interval = (struct interval){0};
    int error = histogram_init(&interval->before, TALLY_BITS, TALLY_LIMIT);
    if (!error)
        error = histogram_init(&interval->now, TALLY_BITS, TALLY_LIMIT);
    return error ? error : histogram_init(&interval->between, TALLY_BITS, TALLY_LIMIT);
}

void interval_free(struct interval *interval) {
    histogram_free(&interval->before);
    histogram_free(&interval->now);
    histogram_free(&interval->between);
}

/* The workers go on counting: totals are taken from the buckets, which are what is compared. */
static void subtract(struct histogram *out, const struct histogram *now, const struct histogram *before) {
    histogram_reset(out);
    for (unsigned i = 0; i < now->buckets; i++)
        histogram_add_n(out, histogram_bucket_low(now, i), now->counts[i] - before->counts[i]);
}

void interval_look(struct interval *interval, const struct tally *so_far) {
    struct histogram last = interval->before;
    interval->before = interval->now;
    interval->now = last;
    histogram_reset(&interval->now);
    histogram_merge(&interval->now, &so_far->latency);
    interval->errors = tally_errors(so_far);
    subtract(&interval->between, &interval->now, &interval->before);
}

void live_line(const struct interval *interval, double elapsed_s, double interval_s, FILE *out) {
    const struct histogram *h = &interval->between;
    double rate = interval_s > 0 ? (double)h->count / interval_s : 0;
    char line[160];
    snprintf(line, sizeof(line), "%4.0f s  %9.0f/s  p50 %.0f us  p99 %.0f us  errors %" PRIu64, elapsed_s,
             rate, (double)histogram_quantile(h, 0.5) / 1e3, (double)histogram_quantile(h, 0.99) / 1e3,
             interval->errors);
    terminal_redraw(out, line);
}

void live_clear(FILE *out) {
    terminal_redraw(out, "");
}
