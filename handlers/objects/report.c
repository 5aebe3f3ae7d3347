#include "handlers/objects/report.h"

#include "reactor/conn.h"
#include "reactor/front.h"
#include "reactor/listener.h"
#include "reactor/memory_body.h"
#include "reactor/slc1.h"

#include <jansson.h>
#include <stdlib.h>

static json_t *number(uint64_t value) {
    return json_integer((json_int_t)value);
}

static json_t *histogram_json(const struct histogram *h) {
    double mean = h->count ? (double)h->sum / (double)h->count : 0;
    return json_pack("{s:I, s:f, s:I, s:I, s:I, s:I}", "count", (json_int_t)h->count, "mean", mean, "p50",
                     (json_int_t)histogram_quantile(h, 0.5), "p99", (json_int_t)histogram_quantile(h, 0.99),
                     "p999", (json_int_t)histogram_quantile(h, 0.999), "max", (json_int_t)h->max);
}

static json_t *table_json(const struct counters_table *table) {
    json_t *group = json_object();
    for (size_t i = 0; i < table->count; i++) {
        const struct counter *row = &table->rows[i];
        const void *field = (const char *)table->base + row->offset;
        json_t *value =
            row->kind >= COUNTER_HISTOGRAM ? histogram_json(field) : number(*(const uint64_t *)field);
        json_object_set_new(group, row->name, value);
    }
    return group;
}

/* Many tables of one title: an object of them, by name. */
static void add_named(void *to, const struct counters_table *table, const char *name, const char *labels) {
    json_t *document = to, *group = json_object_get(document, table->title);
    (void)labels;
    if (!group) {
        group = json_object();
        json_object_set_new(document, table->title, group);
    }
    json_object_set_new(group, name, table_json(table));
}

/* What the object counters grew by since the last report, a second. */
static json_t *rates_json(struct objects *objects, const struct counters_table *table) {
    double now = loop_now(objects->loop), since = now - objects->sampled;
    json_t *rates = json_object();
    json_object_set_new(rates, "seconds", json_real(since));
    for (size_t i = 0; i < table->count; i++) {
        const struct counter *row = &table->rows[i];
        if (row->kind != COUNTER_TOTAL)
            continue;
        uint64_t value = *(const uint64_t *)(const void *)((const char *)&objects->stats + row->offset);
        uint64_t before = *(const uint64_t *)(const void *)((const char *)&objects->last + row->offset);
        json_object_set_new(rates, row->name, json_real(since > 0 ? (double)(value - before) / since : 0));
    }
    objects->last = objects->stats;
    objects->sampled = now;
    return rates;
}

char *report_stats(struct objects *objects) {
    struct loop *loop = objects->loop;
    loop_sample(loop);
    objects->stats.shared_cached = objects->shared.count;
    objects->stats.hot_cached = objects->hot.count;
    json_t *document = json_object();
    json_object_set_new(document, "process",
                        json_pack("{s:f, s:i}", "uptime_seconds", loop_now(loop) - objects->started,
                                  "draining", loop->state != LOOP_RUNNING));
    for (unsigned i = 0; i < loop->counters_count; i++) {
        const struct counters_table *table = &loop->counters[i];
        json_object_set_new(document, table->title, table_json(table));
        if (table->base == &objects->stats)
            json_object_set_new(document, "object_rates", rates_json(objects, table));
    }
    for (unsigned i = 0; i < loop->sources_count; i++)
        loop->sources[i].each(loop->sources[i].context, add_named, document);
    char *text = json_dumps(document, JSON_COMPACT | JSON_REAL_PRECISION(6));
    json_decref(document);
    return text;
}

static const char *state_of(const struct conn *conn) {
    if (conn->stream.closing || conn->stream.dying)
        return "closing";
    if (conn->window.paused)
        return "fd window";
    if (conn->stream.writing)
        return "sending";
    return conn->open ? "working" : conn->stream.in ? "receiving" : "idle";
}

static json_t *connection_json(const struct loop *loop, const struct conn *conn) {
    char peer[80], listener[ADDRESS_TEXT];
    double now = loop_now(loop);
    conn_peer_text(conn, peer, sizeof(peer));
    address_print(&conn->listener->address, listener, sizeof(listener));
    const struct peer_key *key = &conn->peer->key;
    json_t *row =
        json_pack("{s:I, s:s, s:s, s:s, s:f, s:f, s:I, s:I, s:I, s:I, s:I, s:s}", "id",
                  (json_int_t)conn_handle(conn), "peer", peer, "listener", listener, "protocol",
                  conn->front ? conn->front->name : "none", "age", now - conn->opened, "idle",
                  now - conn->active, "requests", (json_int_t)conn->total, "open", (json_int_t)conn->open,
                  "bytes_in", (json_int_t)conn->stream.received, "bytes_out", (json_int_t)conn->stream.sent,
                  "fds_in_flight", (json_int_t)conn->window.in_flight, "state", state_of(conn));
    if (row && key->family == AF_UNIX) {
        json_object_set_new(row, "uid", json_integer(key->uid));
        json_object_set_new(row, "pid", json_integer(conn->pid));
    }
    return row;
}

char *report_connections(struct loop *loop) {
    json_t *rows = json_array();
    for (struct conn *conn = slots_next(&loop->conns, NULL); conn; conn = slots_next(&loop->conns, conn))
        json_array_append_new(rows, connection_json(loop, conn));
    char *text = json_dumps(rows, JSON_COMPACT | JSON_REAL_PRECISION(6));
    json_decref(rows);
    return text;
}

void report_run(struct request *request, struct span payload) {
    struct objects *objects = request_loop(request)->operations[request->op]->context;
    if (!request->conn->listener->options.admin) {
        request_fail(request, STATUS_DENIED, "this listener has no administration");
        return;
    }
    bool connections = span_equal(payload, span_text("conns"));
    if (payload.n > 0 && !connections) {
        request_fail(request, STATUS_BAD_REQUEST, "the payload must be empty or \"conns\"");
        return;
    }
    char *text = connections ? report_connections(objects->loop) : report_stats(objects);
    struct body *body = text ? memory_body_new(request, text, strlen(text)) : NULL;
    if (!body) {
        free(text);
        request_fail(request, STATUS_BUSY, "no memory for the report; try again");
        return;
    }
    struct object_fields fields = {.size = strlen(text), .count = strlen(text)};
    slc1_reply_fields(request, OBJECT_OP_STATS, 0, &fields, -1, body);
}
