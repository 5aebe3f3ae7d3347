#include "handlers/ingest/ingest.h"

#include "handlers/ingest/exposition.h"
#include "handlers/ingest/intake.h"
#include "handlers/ingest/json_records.h"
#include "handlers/ingest/lines.h"
#include "handlers/ingest/otlp.h"
#include "handlers/ingest/statsd_listener.h"
#include "offload/clock.h"
#include "reactor/container.h"
#include "reactor/http1_reply.h"
#include "reactor/loop.h"
#include "reactor/memory_body.h"
#include "reactor/request.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define STALE_STEP 2000 /* stale series that are dropped in one step */

static void expose(struct ingest *ingest, struct request *request);

static const struct ingest_format json = {RECORD_JSON, true, false, ANSWER_COUNTS, json_records_decode};
static const struct ingest_format influx = {RECORD_INFLUX, false, true, ANSWER_LINES, influx_decode};
static const struct ingest_format prometheus = {RECORD_PROMETHEUS, true, true, ANSWER_LINES,
                                                prometheus_decode};
static const struct ingest_format otlp_json = {RECORD_OTLP_JSON, false, false, ANSWER_OTLP_JSON,
                                               otlp_json_decode};
static const struct ingest_format otlp_protobuf = {RECORD_OTLP_PROTOBUF, false, false, ANSWER_OTLP_PROTOBUF,
                                                   otlp_protobuf_decode};

static const struct ingest_endpoint endpoints[] = {
    {.path = "/metrics", .format = &json, .get = expose},
    {.path = "/v1/metrics", .format = &otlp_json, .protobuf = &otlp_protobuf},
    {.path = "/write", .format = &influx},
    {.path = "/api/v2/write", .format = &influx},
    {.path = "/api/v1/import/prometheus", .format = &prometheus},
};

#define ENDPOINTS (sizeof(endpoints) / sizeof(endpoints[0]))
_Static_assert(ENDPOINTS <= INGEST_ENDPOINTS, "room for all endpoints");

void ingest_apply(struct ingest *ingest, struct span *samples, unsigned most) {
    int64_t ahead_ms = (int64_t)(ingest->settings->max_ahead * 1000);
    int64_t latest_ms = ahead_ms > 0 ? clock_wall_ms() + ahead_ms : INT64_MAX;
    series_apply(&ingest->series, samples, most, loop_now(ingest->loop), latest_ms);
}

static void recovered(void *context, const struct record *record) {
    struct ingest *ingest = context;
    struct span key, answer, samples, rest;
    struct sample sample;
    int64_t age_ms = clock_wall_ms() - record->time_ms;
    double now = loop_now(ingest->loop), stale = ingest->settings->stale;
    ingest->stats.recovered++;
    if (record_split(record, &key, &answer, &samples) != 0)
        return;
    if (key.n > 0 && age_ms < ingest->idempotency.window_ms)
        idempotency_recover(&ingest->idempotency, record, key, answer);
    if (stale > 0 && (double)age_ms > stale * 1000)
        return;
    rest = samples;
    while (sample_decode(&rest, &sample) == 0)
        series_admit(&ingest->series, &sample, 0, now);
    ingest_apply(ingest, &samples, UINT32_MAX);
}

/* ---- series ------------------------------------------------------------------------------------ */

static bool drop_stale(struct task *task) {
    struct ingest *ingest = CONTAINER_OF(task, struct ingest, stale_task);
    double since = loop_now(ingest->loop) - ingest->settings->stale;
    uint64_t dropped = series_drop(&ingest->series, since, STALE_STEP);
    ingest->stats.series_dropped += dropped;
    ingest->stats.series = ingest->series.count;
    if (dropped == STALE_STEP)
        return true;
    deadline_set(&ingest->stale, &ingest->stale_class);
    return false;
}

static void on_stale(struct deadline *deadline) {
    struct ingest *ingest = CONTAINER_OF(deadline, struct ingest, stale);
    ingest->stale_task.step = drop_stale;
    tasks_add(&ingest->loop->tasks, &ingest->stale_task);
}

/* Series are checked four times in the period after which they are stale. */
static void start_series(struct ingest *ingest) {
    const struct ingest_settings *settings = ingest->settings;
    series_init(&ingest->series, (uint64_t)settings->series, (uint64_t)settings->series_per_client);
    deadlines_add(&ingest->loop->deadlines, &ingest->stale_class, settings->stale / 4, on_stale);
    deadline_set(&ingest->stale, &ingest->stale_class);
}

static void exposed(struct request *request, char *text, size_t n) {
    struct http1_reply reply;
    bool head = http1_reply_is_head(request->exchange);
    struct body *body = text && !head ? memory_body_new(request, text, n) : NULL;
    if (!text || (!body && !head)) {
        free(text);
        request_fail(request, STATUS_BUSY, "no memory for the text; try again");
        return;
    }
    http1_reply_begin(&reply, request, 200);
    http1_reply_field(&reply, "Content-Type", span_text("text/plain; version=0.0.4; charset=utf-8"));
    if (body) {
        http1_reply_body(&reply, n, body);
        return;
    }
    http1_reply_empty(&reply, n);
    free(text);
}

static void expose(struct ingest *ingest, struct request *request) {
    exposition_start(request, &ingest->series, exposed);
}

/* ---- start and end ----------------------------------------------------------------------------- */

static void tell_recovery(struct ingest *ingest, const struct recovery *recovery) {
    ingest->stats.recovery_cut = recovery->cut_bytes;
    log_info(ingest->loop->log, "ingest recovered", log_text("path", ingest->settings->path),
             log_number("segments", (int64_t)recovery->segments),
             log_number("records", (int64_t)recovery->records),
             log_number("next_sequence", (int64_t)recovery->next_sequence));
    if (recovery->cut_bytes)
        log_warn(ingest->loop->log, "ingest log cut", log_number("bytes", (int64_t)recovery->cut_bytes),
                 log_number("segment", (int64_t)recovery->cut_number),
                 log_number("offset", (int64_t)recovery->cut_offset),
                 log_text("set_aside", recovery->set_aside ? "as NAME.bad" : "no"));
    if (recovery->damaged)
        log_error(ingest->loop->log, "ingest log damaged", log_number("records", (int64_t)recovery->damaged));
}

/* Since when records matter for keys or series, in ms since 1970. */
static int64_t needed_since_ms(const struct ingest_settings *settings) {
    double window =
        settings->idempotency_window > settings->stale ? settings->idempotency_window : settings->stale;
    return settings->stale > 0 ? clock_wall_ms() - (int64_t)(window * 1000) : 0;
}

static int start_log(struct ingest *ingest, char *why, size_t why_size) {
    const struct ingest_settings *settings = ingest->settings;
    struct loop *loop = ingest->loop;
    struct recovery recovery;
    int directory = recover_directory(settings->path);
    if (directory < 0) {
        snprintf(why, why_size, "%s: %s", settings->path,
                 directory == -EBUSY ? "another daemon writes this log" : strerrordesc_np(-directory));
        return directory;
    }
    ledger_enter(&loop->ledger, directory, FD_LOG, 0, loop_now(loop));
    int error = recover_log(directory, needed_since_ms(settings), recovered, ingest, &recovery);
    if (error) {
        snprintf(why, why_size, "%s: cannot recover the log: %s", settings->path, strerrordesc_np(-error));
        ledger_release(&loop->ledger, directory);
        return error;
    }
    tell_recovery(ingest, &recovery);
    ingest->stats.series = ingest->series.count;
    if (ingest->forwarding) {
        ingest->forward =
            forward_new(loop, ingest->forwarding, directory, &recovery.next_sequence, why, why_size);
        if (!ingest->forward) {
            ledger_release(&loop->ledger, directory);
            return -EIO;
        }
    }
    return journal_open(&ingest->journal, loop, settings, &ingest->stats, directory, &recovery,
                        ingest->forward, why, why_size);
}

static void on_flush(struct deadline *deadline) {
    struct ingest *ingest = CONTAINER_OF(deadline, struct ingest, flush);
    statsd_flush(ingest);
    if (ingest->sets.table)
        deadline_set(&ingest->flush, &ingest->flush_class);
}

static int start_statsd(struct ingest *ingest, char *why, size_t why_size) {
    const char *list = ingest->settings->statsd;
    char address[ADDRESS_TEXT];
    deadlines_add(&ingest->loop->deadlines, &ingest->flush_class, STATSD_SETS_SECONDS, on_flush);
    for (struct span word; setting_next_word(&list, ',', &word);) {
        snprintf(address, sizeof(address), "%.*s", (int)word.n, word.p);
        if (ingest->statsd_count == INGEST_STATSD) {
            snprintf(why, why_size, "statsd: too many addresses");
            return -EINVAL;
        }
        char reason[256] = "no memory";
        struct statsd_listener *listener = statsd_listener_open(ingest, address, reason, sizeof(reason));
        if (!listener) {
            snprintf(why, why_size, "statsd %s: %s", address, reason);
            return -EINVAL;
        }
        ingest->statsd[ingest->statsd_count++] = listener;
    }
    return 0;
}

int ingest_init(struct ingest *ingest, struct loop *loop, const struct ingest_settings *settings,
                const struct forward_settings *forwarding, char *why, size_t why_size) {
    *ingest = (struct ingest){.loop = loop, .settings = settings, .forwarding = forwarding};
    snprintf(why, why_size, "no memory for the ingestion tables");
    int error = ingest_stats_init(&ingest->stats);
    if (error)
        return error;
    limiter_init(&ingest->limiter, (double)settings->rate, (double)settings->rate_burst,
                 (unsigned)settings->rate_clients);
    idempotency_init(&ingest->idempotency, settings->idempotency_window,
                     (unsigned)settings->idempotency_keys);
    start_series(ingest);
    ingest->endpoints_count = ENDPOINTS;
    for (size_t i = 0; i < ENDPOINTS; i++) {
        struct ingest_endpoint *endpoint = &ingest->endpoints[i];
        *endpoint = endpoints[i];
        endpoint->ingest = ingest;
        endpoint->handler =
            (struct http_handler){.body_limit = settings->body_limit, .run = intake_run, .context = endpoint};
    }
    error = start_log(ingest, why, why_size);
    if (!error)
        error = start_statsd(ingest, why, why_size);
    if (!error)
        loop_add_counters(loop, ingest_stats_table(&ingest->stats));
    return error;
}

const struct http_handler *ingest_route_new(struct ingest *ingest, int ack, uint64_t body_limit) {
    struct ingest_route *route = calloc(1, sizeof(*route));
    if (!route)
        return NULL;
    route->ingest = ingest;
    route->ack = ack;
    route->handler =
        (struct http_handler){.body_limit = body_limit ? body_limit : ingest->settings->body_limit,
                              .run = intake_run_route,
                              .context = route};
    SLIST_INSERT_HEAD(&ingest->routes, route, link);
    return &route->handler;
}

void ingest_free(struct ingest *ingest) {
    if (!ingest->loop)
        return;
    for (struct ingest_route *route; (route = SLIST_FIRST(&ingest->routes));) {
        SLIST_REMOVE_HEAD(&ingest->routes, link);
        free(route);
    }
    for (size_t i = 0; i < ingest->statsd_count; i++)
        statsd_listener_close(ingest->statsd[i]);
    if (ingest->journal.loop)
        statsd_flush(ingest);
    forward_stop(ingest->forward);
    if (ingest->journal.loop)
        journal_close(&ingest->journal);
    statsd_sets_free(&ingest->sets);
    idempotency_free(&ingest->idempotency);
    series_free(&ingest->series);
    limiter_free(&ingest->limiter);
    ingest_stats_free(&ingest->stats);
}

void ingest_leave(struct ingest *ingest) {
    if (!ingest->loop || !ingest->journal.loop)
        return;
    statsd_flush(ingest);
    journal_leave(&ingest->journal);
}

const char *ingest_trouble(const struct ingest *ingest) {
    static const char *const words[] = {[JOURNAL_WORKING] = NULL,
                                        [JOURNAL_FULL] = "disk full",
                                        [JOURNAL_HELD] = "log at its cap",
                                        [JOURNAL_FAILED] = "log failed"};
    return words[ingest->journal.state];
}
