#include "tools/bench/dialect.h"
#include "tools/bench/report.h"

#include <inttypes.h>

/* A number with the prefix that keeps it short. */
static void print_scaled(FILE *out, double value, const char *unit) {
    static const char *const prefixes[] = {"", "k", "M", "G", "T"};
    unsigned i = 0;
    while (value >= 10000 && i < 4) {
        value /= 1000;
        i++;
    }
    fprintf(out, "%.*f %s%s", i ? 2 : 0, value, prefixes[i], unit);
}

static void print_spread(FILE *out, const char *name, const struct spread *spread) {
    if (spread->count)
        fprintf(out, "  %-11s p50 %.1f  p90 %.1f  p99 %.1f  p99.9 %.1f  max %.1f us  mean %.1f us\n", name,
                spread->p50, spread->p90, spread->p99, spread->p999, spread->max, spread->mean);
}

static void print_load(const struct report *report, FILE *out) {
    const struct bench_settings *settings = report->plan->settings;
    fprintf(out, "%s from %s: %ld connections, %ld under way each, %zu key%s",
            bench_mode_word(settings->mode), settings->server, settings->conns, settings->pipeline,
            report->plan->keys.count, report->plan->keys.count == 1 ? "" : "s");
    if (settings->rate)
        fprintf(out, ", open loop at %ld a second", settings->rate);
    fprintf(out, "\n");
}

static void print_server(const struct report *report, FILE *out) {
    const struct summary *summary = report->summary;
    if (*report->plan->settings->pid && !summary->has_server)
        fprintf(out, "  %-11s not there, or without a reply, in the measurement: its CPU time is not known\n",
                "server");
    if (summary->has_server)
        fprintf(out,
                "  %-11s %.2f us of CPU a request, %.0f%% of one CPU, %.2f context switches a request in "
                "threads that live on\n",
                "server", summary->server_cpu_us, 100 * summary->server_cpu_share, summary->server_switches);
    if (report->outcome->total->replies)
        fprintf(out, "  %-11s %.2f us of CPU a request\n", "generator", summary->own_cpu_us);
}

static void print_errors(const struct report *report, FILE *out) {
    const struct tally *total = report->outcome->total;
    if (report->summary->errors == 0)
        return;
    fprintf(out, "  %-11s %" PRIu64 "; the first: %s\n", "errors", report->summary->errors,
            total->first_error);
    for (int i = 0; i < BENCH_ERRORS; i++)
        if (total->errors[i])
            fprintf(out, "    %10" PRIu64 "  %s: %s\n", total->errors[i],
                    bench_error_word((enum bench_error)i), bench_error_meaning((enum bench_error)i));
}

static void print_statuses(const struct report *report, FILE *out) {
    const struct tally *total = report->outcome->total;
    bool any = false;
    for (unsigned i = 0; i < TALLY_STATUSES; i++) {
        char word[64];
        if (!total->statuses[i])
            continue;
        report->plan->dialect->status_word(i, word, sizeof(word));
        fprintf(out, any ? ", %s %" PRIu64 : "  statuses    %s %" PRIu64, word, total->statuses[i]);
        any = true;
    }
    if (any)
        fprintf(out, "\n");
}

static void print_connections(const struct report *report, FILE *out) {
    const struct tally *total = report->outcome->total;
    fprintf(out, "  %-11s %u of %ld made at the start, %" PRIu64 " made anew", "connections",
            atomic_load(&total->connected), report->plan->settings->conns, total->reconnects);
    if (total->never_served)
        fprintf(out, ", %" PRIu64 " never served", total->never_served);
    fprintf(out, "\n");
}

void report_text(const struct report *report, FILE *out) {
    const struct summary *summary = report->summary;
    const struct tally *total = report->outcome->total;
    print_load(report, out);
    fprintf(out, "  %-11s ", "throughput");
    print_scaled(out, summary->requests_s, "requests/s, ");
    print_scaled(out, summary->bytes_s, "B/s");
    fprintf(out, "; %" PRIu64 " requests and %" PRIu64 " bytes in %.2f s", total->requests, total->bytes,
            summary->seconds);
    if (summary->last_s >= summary->seconds + 0.01)
        fprintf(out, ", the last reply after %.2f s", summary->last_s);
    fprintf(out, "\n");
    print_spread(out, "latency", &summary->latency);
    if (summary->descriptor.count && summary->bytes.count) {
        print_spread(out, "  fd", &summary->descriptor);
        print_spread(out, "  bytes", &summary->bytes);
    }
    if (summary->refusal.count)
        print_spread(out, "refused", &summary->refusal);
    print_spread(out, "connect", &summary->connect);
    print_connections(report, out);
    print_server(report, out);
    print_statuses(report, out);
    print_errors(report, out);
    if (total->requests == 0 && summary->errors == 0)
        fprintf(out, "  %-11s no reply within the measurement\n", "nothing");
}
