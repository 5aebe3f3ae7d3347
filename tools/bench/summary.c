#include "tools/bench/summary.h"

#define NS_PER_S 1e9

struct spread spread_of(const struct histogram *h) {
    struct spread spread = {.count = h->count, .max = (double)h->max / 1e3};
    spread.mean = h->count ? (double)h->sum / (double)h->count / 1e3 : 0;
    spread.p50 = (double)histogram_quantile(h, 0.5) / 1e3;
    spread.p90 = (double)histogram_quantile(h, 0.9) / 1e3;
    spread.p99 = (double)histogram_quantile(h, 0.99) / 1e3;
    spread.p999 = (double)histogram_quantile(h, 0.999) / 1e3;
    return spread;
}

static double per(double amount, uint64_t count) {
    return count ? amount / (double)count : 0;
}

/* When the last reply came, in seconds of the measurement. */
static double last_reply(const struct outcome *outcome, const struct bench_settings *settings) {
    int64_t begin = outcome->start_ns + (int64_t)(settings->warmup * NS_PER_S);
    return outcome->total->requests ? (double)(outcome->total->last_reply_ns - begin) / NS_PER_S : 0;
}

/* A rate is what came within the measurement: a reply that was waited for after its end says nothing of it. Without an
 * end, or where the load ended before it, all count, up to the last one. */
static void make_rates(struct summary *summary, const struct tally *total, double duration) {
    uint64_t requests = total->lasted ? total->timely_requests : total->requests;
    uint64_t bytes = total->lasted ? total->timely_bytes : total->bytes;
    summary->seconds = total->lasted ? duration : summary->last_s;
    if (summary->seconds > 0) {
        summary->requests_s = (double)requests / summary->seconds;
        summary->bytes_s = (double)bytes / summary->seconds;
    }
}

void summary_make(const struct outcome *outcome, const struct bench_settings *settings,
                  struct summary *summary) {
    const struct tally *total = outcome->total;
    uint64_t replies = outcome->end.replies - outcome->begin.replies;
    int64_t sampled = outcome->end.at_ns - outcome->begin.at_ns;
    double cpu = (double)(int64_t)(outcome->end.server.cpu_ns - outcome->begin.server.cpu_ns);
    double switches = (double)(int64_t)(outcome->end.server.switches - outcome->begin.server.switches);
    *summary = (struct summary){.last_s = last_reply(outcome, settings)};
    make_rates(summary, total, settings->duration);
    summary->latency = spread_of(&total->latency);
    summary->connect = spread_of(&total->connect);
    summary->refusal = spread_of(&total->refusal);
    summary->descriptor = spread_of(&total->of_delivery[DELIVERY_DESCRIPTOR]);
    summary->bytes = spread_of(&total->of_delivery[DELIVERY_BYTES]);
    summary->has_server = outcome->begin.has_server && outcome->end.has_server && replies > 0 && sampled > 0;
    if (summary->has_server) {
        summary->server_cpu_us = per(cpu / 1e3, replies);
        summary->server_cpu_share = cpu / (double)sampled;
        summary->server_switches = per(switches, replies);
    }
    summary->own_cpu_us = per(outcome->own_cpu_s * 1e6, total->replies);
    summary->errors = tally_errors(total);
    summary->good = summary->errors == 0 && total->requests > 0;
}
