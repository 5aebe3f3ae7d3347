/* The keys of the JSON report, all always there; times in microseconds unless the name says otherwise. requests, bytes
 * and latency are of what was to be sent within the measurement, however late the reply; requests_s and bytes_s are
 * what came within it, a second:
 *
 *     mode servers conns threads pipeline rate keys
 *     seconds requests requests_s bytes bytes_s
 *     latency connect refused fd copy {count mean p50 p90 p99 p999 max}; fd and copy: by delivery
 *     connections                {made reconnects never_served}
 *     errors                     {total, and one for each kind of errors.def}
 *     first_error statuses       {name: count} of refusals and of redirects
 *     server                     {cpu_us cpu_share switches} a request; null without --pid, or when it is gone;
 *                                switches are those of threads that live on: what ended took its count with it
 *     generator                  {cpu_us}
 *     good                       nothing failed */
#include "tools/bench/dialect.h"
#include "tools/bench/report.h"

#include <errno.h>
#include <jansson.h>

static json_t *spread_json(const struct spread *spread) {
    return json_pack("{sI sf sf sf sf sf sf}", "count", (json_int_t)spread->count, "mean", spread->mean,
                     "p50", spread->p50, "p90", spread->p90, "p99", spread->p99, "p999", spread->p999, "max",
                     spread->max);
}

static json_t *errors_json(const struct tally *total) {
    json_t *errors = json_pack("{sI}", "total", (json_int_t)tally_errors(total));
    for (int i = 0; i < BENCH_ERRORS; i++)
        json_object_set_new(errors, bench_error_word((enum bench_error)i),
                            json_integer((json_int_t)total->errors[i]));
    return errors;
}

static json_t *statuses_json(const struct report *report) {
    json_t *statuses = json_object();
    for (unsigned i = 0; i < TALLY_STATUSES; i++) {
        char word[64];
        if (!report->outcome->total->statuses[i])
            continue;
        report->plan->dialect->status_word(i, word, sizeof(word));
        json_object_set_new(statuses, word, json_integer((json_int_t)report->outcome->total->statuses[i]));
    }
    return statuses;
}

static json_t *servers_json(const char *servers) {
    json_t *list = json_array();
    for (const char *at = servers; *at;) {
        size_t n = strcspn(at, ",");
        json_array_append_new(list, json_stringn(at, n));
        at += n + (at[n] == ',');
    }
    return list;
}

static json_t *server_json(const struct summary *summary) {
    if (!summary->has_server)
        return json_null();
    return json_pack("{sf sf sf}", "cpu_us", summary->server_cpu_us, "cpu_share", summary->server_cpu_share,
                     "switches", summary->server_switches);
}

int report_json(const struct report *report, FILE *out) {
    const struct bench_settings *settings = report->plan->settings;
    const struct summary *summary = report->summary;
    const struct tally *total = report->outcome->total;
    json_t *json = json_pack(
        "{ss so sI sI sI sI sI sf sI sf sI sf so so so so so s{sI sI sI} so ss so so s{sf} sb}", "mode",
        bench_mode_word(settings->mode), "servers", servers_json(settings->server), "conns",
        (json_int_t)settings->conns, "threads", (json_int_t)settings->threads, "pipeline",
        (json_int_t)settings->pipeline, "rate", (json_int_t)settings->rate, "keys",
        (json_int_t)report->plan->keys.count, "seconds", summary->seconds, "requests",
        (json_int_t)total->requests, "requests_s", summary->requests_s, "bytes", (json_int_t)total->bytes,
        "bytes_s", summary->bytes_s, "latency", spread_json(&summary->latency), "connect",
        spread_json(&summary->connect), "refused", spread_json(&summary->refusal), "fd",
        spread_json(&summary->descriptor), "copy", spread_json(&summary->bytes), "connections", "made",
        (json_int_t)atomic_load(&total->connected), "reconnects", (json_int_t)total->reconnects,
        "never_served", (json_int_t)total->never_served, "errors", errors_json(total), "first_error",
        total->first_error, "statuses", statuses_json(report), "server", server_json(summary), "generator",
        "cpu_us", summary->own_cpu_us, "good", (int)summary->good);
    if (!json)
        return -ENOMEM;
    int failed = json_dumpf(json, out, JSON_REAL_PRECISION(6));
    fputc('\n', out);
    json_decref(json);
    return failed ? -ENOMEM : 0;
}
