#include "handlers/rpc/metric_methods.h"

#include "handlers/http/json_value.h"
#include "handlers/ingest/admission.h"
#include "handlers/ingest/answer.h"
#include "handlers/ingest/exposition.h"
#include "handlers/ingest/push.h"
#include "handlers/rpc/message.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define INLINE_RECORDS 256 /* more are decoded in the handlers pool */
#define QUERY_MOST     10000

static struct ingest *ingest_of(struct rpc_call *call) {
    struct ingest *ingest = call->method->context;
    if (!ingest)
        rpc_fail(call, STATUS_UNSUPPORTED, "nothing is ingested here: there is no ingest section");
    return ingest;
}

/* ---- push ---------------------------------------------------------------------------------------- */

static void refuse(struct rpc_call *call, int error) {
    switch (error) {
    case -EBUSY:
    case -EAGAIN:
    case -ENOSPC:
        rpc_fail(call, STATUS_BUSY, admission_reason(error));
        break;
    case -E2BIG:
        rpc_fail(call, STATUS_TOO_LARGE, admission_reason(error));
        break;
    case -EIO:
        rpc_fail(call, STATUS_IO, admission_reason(error));
        break;
    default:
        rpc_fail_errno(call, error);
    }
}

static void refuse_rate(struct rpc_call *call, double wait) {
    json_t *data =
        json_pack("{s:s, s:f}", "status", status_name(STATUS_RATE_LIMITED), "retry_after", ceil(wait));
    rpc_error(call, status_rpc(STATUS_RATE_LIMITED), "this client sends more samples than its rate", data);
}

/* Nothing was taken: answers with an error that names the first bad member, with the whole answer as its data. */
static void complain(struct rpc_call *call, const struct batch *batch) {
    struct json_obstacle obstacle;
    json_t *data = json_value(span_of(batch->answer, batch->answer_n), 0, &obstacle);
    const json_t *first = json_array_get(json_object_get(data, "errors"), 0);
    const char *pointer = json_string_value(json_object_get(first, "pointer"));
    const char *reason = json_string_value(json_object_get(first, "message"));
    json_object_set_new(data, "path", json_sprintf("/metrics%s", pointer ? pointer : ""));
    json_object_set_new(data, "reason", json_string(reason ? reason : "no sample was taken"));
    rpc_error(call, MESSAGE_INVALID_PARAMS, NULL, data);
}

static void pushed(void *context, const struct batch *batch, int error) {
    struct rpc_call *call = context;
    if (error) {
        refuse(call, error);
        return;
    }
    if (batch->status >= 400) {
        complain(call, batch);
        return;
    }
    struct text out = {0};
    const char *end = memrchr(batch->answer, '}', batch->answer_n);
    text_add(&out, span_of(batch->answer, (size_t)(end - batch->answer)));
    if (batch->count > 0) {
        text_add_constant(&out, ",\"ack\":\"");
        text_add_constant(&out, answer_ack_word(batch->ack));
        text_add_constant(&out, "\",\"sequence\":");
        text_add_number(&out, (long long)batch->sequence);
    }
    text_add_constant(&out, "}");
    if (out.failed)
        rpc_fail(call, STATUS_BUSY, "no memory for the reply; the samples were taken");
    else
        rpc_result_text(call, span_of(out.p, out.n));
    text_free(&out);
}

/* Samples are charged to the client of a connection, but this call's connection has ended. */
static void refuse_nobody(struct rpc_call *call) {
    rpc_fail(call, STATUS_BUSY, "the connection that this came on has ended; push again");
}

static void hand_in(struct rpc_call *call, struct batch *batch, int error) {
    struct request *request = rpc_request(call);
    if (!error && request && !call->cancelled) {
        push_hand_in(call->method->context, request, batch, pushed, call);
        return;
    }
    batch_free(batch);
    if (error)
        refuse(call, error);
    else
        refuse_nobody(call);
}

/* A long list that is decoded on a thread. */
struct decoding_job {
    struct ingest *ingest;
    json_t *records; /* the call's */
    struct batch *batch;
    int error;
};

static void run_decode(struct job *job) {
    struct decoding_job *own = job->call.argument;
    own->error = push_decode(own->ingest, own->records, &own->batch);
}

static void decoded(struct job *job) {
    struct rpc_call *call = rpc_call_of_job(job);
    struct decoding_job *own = job->call.argument;
    hand_in(call, own->batch, job->error ? job->error : own->error);
    free(own);
}

static void decode_elsewhere(struct rpc_call *call, struct ingest *ingest, json_t *records) {
    struct decoding_job *own = calloc(1, sizeof(*own));
    struct job *job = own ? rpc_job(call, JOB_CALL, JOB_POOL_HANDLERS) : NULL;
    if (!own)
        rpc_fail(call, STATUS_BUSY, "no memory; try again");
    if (!job) {
        free(own);
        return;
    }
    *own = (struct decoding_job){.ingest = ingest, .records = records};
    job->call.run = run_decode;
    job->call.argument = own;
    rpc_submit(call, job, decoded);
}

static void run_push(struct rpc_call *call, json_t *params) {
    json_t *records = json_object_get(params, "metrics");
    struct ingest *ingest = ingest_of(call);
    struct batch *batch;
    double wait;
    if (!ingest)
        return;
    if (!rpc_request(call)) {
        refuse_nobody(call);
        return;
    }
    int refusal = push_refusal(ingest, rpc_request(call), &wait);
    if (refusal == -EDQUOT) {
        refuse_rate(call, wait);
    } else if (refusal) {
        refuse(call, refusal);
    } else if (json_array_size(records) > INLINE_RECORDS) {
        decode_elsewhere(call, ingest, records);
    } else {
        int error = push_decode(ingest, records, &batch);
        hand_in(call, batch, error);
    }
}

/* ---- query --------------------------------------------------------------------------------------- */

struct query {
    json_t *tags; /* that a series must have; NULL: any */
    uint64_t limit, count;
    struct text out;
    bool more;
};

static bool fits(const struct series *series, json_t *tags) {
    struct span rest = span_of(series->key, series->key_n);
    size_t found = 0;
    sample_take_text(&rest); /* the name */
    while (rest.n > 0 && found < json_object_size(tags)) {
        struct span name = sample_take_text(&rest), value = sample_take_text(&rest);
        const json_t *wanted = json_object_getn(tags, name.p, name.n);
        found += wanted && span_equal(value, span_of(json_string_value(wanted), json_string_length(wanted)));
    }
    return found == json_object_size(tags);
}

/* JSON has no NaN or infinities: such a value is written as a string. */
static void add_value(struct text *out, double value) {
    char number[EXPOSITION_NUMBER];
    if (isfinite(value))
        text_add_constant(out, exposition_number(value, number));
    else
        text_add_quoted(out, span_text(isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf"));
}

static void add_values(struct text *out, const char *name, const double *values, unsigned n) {
    text_add_constant(out, ",\"");
    text_add_constant(out, name);
    text_add_constant(out, "\":[");
    for (unsigned i = 0; i < n; i++) {
        text_add_constant(out, i ? "," : "");
        add_value(out, values[i]);
    }
    text_add_constant(out, "]");
}

/* As it is pushed: {"sum":..,"bounds":[..],"counts":[..]} */
static void add_histogram(struct text *out, const struct series *series) {
    text_add_constant(out, "{\"sum\":");
    add_value(out, series->value);
    add_values(out, "bounds", series->bounds, series->bounds_n);
    text_add_constant(out, ",\"counts\":[");
    for (unsigned i = 0; i <= series->bounds_n; i++) {
        text_add_constant(out, i ? "," : "");
        text_add_number(out, (long long)series->counts[i]);
    }
    text_add_constant(out, "]}");
}

/* As in the log: {"sum":..,"count":..,"quantiles":[..],"values":[..]} */
static void add_summary(struct text *out, const struct series *series) {
    text_add_constant(out, "{\"sum\":");
    add_value(out, series->value);
    text_add_constant(out, ",\"count\":");
    text_add_number(out, (long long)series->counts[0]);
    add_values(out, "quantiles", series->bounds, series->bounds_n);
    add_values(out, "values", series->values, series->bounds_n);
    text_add_constant(out, "}");
}

static void add_series(struct query *query, const struct series *series) {
    struct text *out = &query->out;
    struct span rest = span_of(series->key, series->key_n), name = sample_take_text(&rest);
    text_add_constant(out, query->count++ ? ",{\"name\":" : "{\"name\":");
    text_add_quoted(out, name);
    text_add_constant(out, ",\"type\":");
    text_add_quoted(out, span_text(sample_type_name(series->family->type)));
    text_add_constant(out, ",\"tags\":{");
    for (bool first = true; rest.n > 0; first = false) {
        struct span tag = sample_take_text(&rest), value = sample_take_text(&rest);
        text_add_constant(out, first ? "" : ",");
        text_add_quoted(out, tag);
        text_add_constant(out, ":");
        text_add_quoted(out, value);
    }
    text_add_constant(out, "},\"value\":");
    if (series->family->type == SAMPLE_HISTOGRAM)
        add_histogram(out, series);
    else if (series->family->type == SAMPLE_SUMMARY)
        add_summary(out, series);
    else
        add_value(out, series->value);
    text_add_constant(out, ",\"timestamp\":");
    text_add_number(out, (long long)series->time_ms);
    text_add_constant(out, "}");
}

static void add_family(struct query *query, const struct series_family *family) {
    const struct series *series;
    TAILQ_FOREACH (series, &family->series, sibling) {
        if (!series->known || !fits(series, query->tags))
            continue;
        query->more = query->count == query->limit;
        if (query->more)
            return;
        add_series(query, series);
    }
}

static bool tags_are_good(struct rpc_call *call, json_t *tags) {
    const char *name;
    json_t *value;
    json_object_foreach (tags, name, value) {
        struct rpc_complaint complaint = {.reason = "must be a string"};
        if (json_is_string(value))
            continue;
        rpc_point(&complaint, "/tags", name);
        rpc_complain(call, &complaint);
        return false;
    }
    return true;
}

static void run_query(struct rpc_call *call, json_t *params) {
    const json_t *name = json_object_get(params, "name"), *limit = json_object_get(params, "limit");
    struct query query = {.tags = json_object_get(params, "tags"),
                          .limit = limit ? (uint64_t)json_integer_value(limit) : 1000};
    const struct ingest *ingest = ingest_of(call);
    const struct series_family *family;
    if (!ingest || !tags_are_good(call, query.tags))
        return;
    text_add_constant(&query.out, "{\"series\":[");
    if (name) {
        family =
            series_family_named(&ingest->series, span_of(json_string_value(name), json_string_length(name)));
        if (family)
            add_family(&query, family);
    } else {
        TAILQ_FOREACH (family, &ingest->series.list, link)
            if (!query.more)
                add_family(&query, family);
    }
    text_add_constant(&query.out, query.more ? "],\"more\":true}" : "],\"more\":false}");
    if (query.out.failed)
        rpc_fail(call, STATUS_BUSY, "no memory for the reply; try again");
    else
        rpc_result_text(call, span_of(query.out.p, query.out.n));
    text_free(&query.out);
}

/* ---- the table ----------------------------------------------------------------------------------- */

#define RECORD                                                                                               \
    "{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\"},"                                   \
    "\"value\":{\"anyOf\":[{\"type\":\"number\"},"                                                           \
    "{\"type\":\"object\",\"description\":\"of a histogram: {sum, bounds, counts}\"}]},"                     \
    "\"type\":{\"type\":\"string\",\"enum\":[\"gauge\",\"counter\",\"histogram\"]},"                         \
    "\"timestamp\":{\"type\":\"integer\",\"description\":\"milliseconds since 1970\"},"                      \
    "\"tags\":{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\"}}},"                        \
    "\"required\":[\"name\",\"value\"]}"

static const struct rpc_param push_params[] = {
    {.name = "metrics",
     .type = RPC_ARRAY,
     .required = true,
     .items = RECORD,
     .help = "records: {name, value, type: gauge|counter|histogram, timestamp: ms since 1970, tags: {NAME: "
             "TEXT}}; "
             "name and value are required"},
};
static const struct rpc_param query_params[] = {
    {.name = "name", .type = RPC_STRING, .help = "of the series; without it, all names"},
    {.name = "tags", .type = RPC_OBJECT, .help = "tags that the series have, with these values"},
    {.name = "limit",
     .type = RPC_INTEGER,
     .min = 1,
     .max = QUERY_MOST,
     .initial = "1000",
     .help = "series at most"},
};

static const struct rpc_method rows[METRIC_METHODS] = {
    {.name = "metrics.push",
     .title = "Push metrics",
     .help = "Takes samples into the log; answers when they are there, as `ack` says.",
     .params = push_params,
     .params_count = 1,
     .run = run_push,
     .result =
         "{\"type\":\"object\",\"properties\":{\"accepted\":{\"type\":\"integer\"},\"rejected\":{\"type\":"
         "\"integer\"},\"errors\":{\"type\":\"array\"},\"ack\":{\"type\":\"string\"},\"sequence\":{\"type\":"
         "\"integer\"}},\"required\":[\"accepted\",\"rejected\"]}",
     .flags = RPC_PLAIN | RPC_TOOL},
    {.name = "metrics.query",
     .title = "Latest metrics",
     .help = "The latest values of the series with a name and tags.",
     .params = query_params,
     .params_count = 3,
     .run = run_query,
     .result =
         "{\"type\":\"object\",\"properties\":{\"series\":{\"type\":\"array\",\"items\":{\"type\":\"object\","
         "\"properties\":{\"name\":{\"type\":\"string\"},\"type\":{\"type\":\"string\"},\"tags\":{\"type\":"
         "\"object\"},\"value\":{\"anyOf\":[{\"type\":\"number\"},{\"type\":\"string\"},{\"type\":\"object\"}"
         "]},\"timestamp\":{\"type\":"
         "\"integer\"}}}},\"more\":{\"type\":\"boolean\"}},"
         "\"required\":[\"series\",\"more\"]}",
     .flags = RPC_PLAIN | RPC_TOOL | RPC_READ_ONLY | RPC_IDEMPOTENT},
};

int metric_methods_add(struct metric_methods *methods, struct rpc *rpc, struct ingest *ingest) {
    return rpc_add_table(rpc, rows, METRIC_METHODS, ingest, methods->rows);
}
