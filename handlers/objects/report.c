#include "handlers/objects/report.h"

#include "handlers/objects/connections.h"
#include "proto/memory_file.h"
#include "reactor/conn.h"
#include "reactor/listener.h"
#include "reactor/memory_body.h"
#include "reactor/slc1.h"

#include <stdlib.h>

/* A document being built: a member that finds no memory makes it fail. */
struct report {
    json_t *document;
    bool failed;
};

static void set(struct report *report, json_t *object, const char *name, json_t *value) {
    report->failed |= json_object_set_new(object, name, value) != 0;
}

static json_t *number(uint64_t value) {
    return json_integer((json_int_t)value);
}

static json_t *histogram_json(const struct histogram *h) {
    double mean = h->count ? (double)h->sum / (double)h->count : 0;
    return json_pack("{s:I, s:f, s:I, s:I, s:I, s:I}", "count", (json_int_t)h->count, "mean", mean, "p50",
                     (json_int_t)histogram_quantile(h, 0.5), "p99", (json_int_t)histogram_quantile(h, 0.99),
                     "p999", (json_int_t)histogram_quantile(h, 0.999), "max", (json_int_t)h->max);
}

static json_t *table_json(struct report *report, const struct counters_table *table) {
    json_t *group = json_object();
    for (size_t i = 0; i < table->count; i++) {
        const struct counter *row = &table->rows[i];
        const void *field = (const char *)table->base + row->offset;
        json_t *value = row->kind >= COUNTER_HISTOGRAM ? histogram_json(field)
                        : row->kind == COUNTER_RATIO   ? json_real(*(const double *)field)
                                                       : number(*(const uint64_t *)field);
        set(report, group, row->name, value);
    }
    return group;
}

/* Many tables of one title: an object of them, by name. */
static void add_named(void *to, const struct counters_table *table, const char *name, const char *labels) {
    struct report *report = to;
    (void)labels;
    if (!json_object_get(report->document, table->title))
        set(report, report->document, table->title, json_object());
    set(report, json_object_get(report->document, table->title), name, table_json(report, table));
}

/* By how much the object counters have grown a second since the last report. */
static json_t *rates_json(struct report *report, struct objects *objects,
                          const struct counters_table *table) {
    double now = loop_now(objects->loop), since = now - objects->sampled;
    json_t *rates = json_object();
    set(report, rates, "seconds", json_real(since));
    for (size_t i = 0; i < table->count; i++) {
        const struct counter *row = &table->rows[i];
        if (row->kind != COUNTER_TOTAL)
            continue;
        uint64_t value = *(const uint64_t *)(const void *)((const char *)&objects->stats + row->offset);
        uint64_t before = *(const uint64_t *)(const void *)((const char *)&objects->last + row->offset);
        set(report, rates, row->name, json_real(since > 0 ? (double)(value - before) / since : 0));
    }
    objects->last = objects->stats;
    objects->sampled = now;
    return rates;
}

/* Not json_dumps(), which silently leaves out keys that find no memory. */
char *report_print(const json_t *document) {
    char *text;
    size_t n;
    FILE *out = memory_file_open(&text, &n);
    if (!out)
        return NULL;
    bool good = json_dumpf(document, out, JSON_COMPACT | JSON_REAL_PRECISION(6)) == 0;
    if (fclose(out) == 0 && good)
        return text;
    free(text);
    return NULL;
}

char *report_stats(struct objects *objects) {
    struct loop *loop = objects->loop;
    struct report report = {.document = json_object()};
    json_t *document = report.document;
    loop_sample(loop);
    objects->stats.shared_cached = objects->shared.count;
    objects->stats.hot_cached = objects->hot.count;
    set(&report, document, "process",
        json_pack("{s:f, s:i}", "uptime_seconds", loop_now(loop) - objects->started, "draining",
                  loop->state != LOOP_RUNNING));
    for (unsigned i = 0; i < loop->counters_count; i++) {
        const struct counters_table *table = &loop->counters[i];
        set(&report, document, table->title, table_json(&report, table));
        if (table->base == &objects->stats)
            set(&report, document, "object_rates", rates_json(&report, objects, table));
    }
    for (unsigned i = 0; i < loop->sources_count; i++)
        loop->sources[i].each(loop->sources[i].context, add_named, &report);
    char *text = report.failed ? NULL : report_print(document);
    json_decref(document);
    return text;
}

static void reply(struct request *request, char *text, size_t n) {
    struct body *body = text ? memory_body_new(request, text, n) : NULL;
    if (!body) {
        free(text);
        request_fail(request, STATUS_BUSY, "no memory for the report; try again");
        return;
    }
    struct object_fields fields = {.size = n, .count = n};
    slc1_reply_fields(request, OBJECT_OP_STATS, 0, &fields, -1, body);
}

void report_run(struct request *request, struct span payload) {
    struct objects *objects = objects_of(request);
    if (!request->conn->listener->options.admin) {
        request_fail(request, STATUS_DENIED, "this listener has no administration");
        return;
    }
    bool connections = span_equal(payload, span_text("conns"));
    if (payload.n > 0 && !connections) {
        request_fail(request, STATUS_BAD_REQUEST, "the payload must be empty or \"conns\"");
        return;
    }
    if (connections) {
        connections_list(request, reply);
        return;
    }
    char *text = report_stats(objects);
    reply(request, text, text ? strlen(text) : 0);
}
