#include "handlers/rpc/object_methods.h"

#include "handlers/objects/fdpass.h"
#include "reactor/conn.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#define LIST_USUAL 1000
#define LIST_MOST  10000

static struct object_calls *calls_of(const struct rpc_call *call) {
    return call->method->context;
}

static struct span text_param(const json_t *params, const char *name) {
    const json_t *value = json_object_get(params, name);
    return span_of(json_string_value(value), json_string_length(value));
}

static uint64_t number_param(const json_t *params, const char *name, uint64_t initial) {
    const json_t *value = json_object_get(params, name);
    return value ? (uint64_t)json_integer_value(value) : initial;
}

/* {"key":..,"size":..,"version":..,"modified":..,"type":.. without the closing brace. */
static void add_fields(struct text *out, const struct object_calls *calls, struct span key,
                       const struct object_fields *fields) {
    char line[160];
    struct tm parts;
    time_t seconds = (time_t)(fields->mtime_ns / 1000000000);
    gmtime_r(&seconds, &parts);
    text_add_constant(out, "{\"key\":");
    text_add_quoted(out, key);
    int n =
        snprintf(line, sizeof(line), ",\"size\":%" PRIu64 ",\"version\":\"%016" PRIx64 "\",\"modified\":\"",
                 fields->size, fields->version);
    text_add(out, span_of(line, (size_t)n));
    text_add(out, span_of(line, strftime(line, sizeof(line), "%Y-%m-%dT%H:%M:%SZ", &parts)));
    text_add_constant(out, "\",\"type\":");
    text_add_quoted(out, span_text(object_type(calls, key)));
}

/* Answers with the text, whose last brace is added here. */
static void answer(struct rpc_call *call, struct text *out) {
    text_add_constant(out, "}");
    if (out->failed)
        rpc_fail(call, STATUS_BUSY, "no memory for the reply; try again");
    else
        rpc_result_text(call, span_of(out->p, out->n));
    text_free(out);
}

/* ---- info and open ------------------------------------------------------------------------------- */

static void opened_for_info(struct rpc_call *call, const struct object_opened *opened) {
    struct text out = {0};
    struct object_fields fields;
    objects_describe(&opened->st, &fields);
    ledger_release(&opened->calls->rpc->loop->ledger, opened->fd);
    add_fields(&out, opened->calls, opened->key, &fields);
    answer(call, &out);
}

static void run_info(struct rpc_call *call, json_t *params) {
    object_open(calls_of(call), call, text_param(params, "key"), false, opened_for_info);
}

static void refuse_fd(struct rpc_call *call) {
    rpc_fail(call, STATUS_FD_LIMIT, "too many descriptors in flight; receive some first");
}

static void opened_for_client(struct rpc_call *call, const struct object_opened *opened) {
    struct request *request = rpc_request(call);
    struct object_calls *calls = opened->calls;
    bool available = request && fdpass_available(request);
    if (!available || !rpc_attach(call, opened->fd, &calls->objects->stats.served_fd)) {
        ledger_release(&calls->rpc->loop->ledger, opened->fd);
        if (available)
            rpc_fail(call, STATUS_FD_LIMIT, "a reply carries one descriptor");
        else
            refuse_fd(call);
        return;
    }
    struct text out = {0};
    struct object_fields fields;
    objects_describe(&opened->st, &fields);
    fdpass_prepare(opened->fd);
    add_fields(&out, calls, opened->key, &fields);
    text_add_constant(&out, ",\"fds\":1");
    answer(call, &out);
}

static void run_open(struct rpc_call *call, json_t *params) {
    struct request *request = rpc_request(call);
    if (!request || !request->conn->stream.is_unix || !rpc_front_has(request->conn))
        rpc_fail(call, STATUS_UNSUPPORTED, "descriptors pass over Unix sockets only, not over HTTP");
    else if (!fdpass_available(request))
        refuse_fd(call);
    else
        object_open(calls_of(call), call, text_param(params, "key"), true, opened_for_client);
}

/* ---- read ---------------------------------------------------------------------------------------- */

static void was_read(struct rpc_call *call, const struct object_bytes *read) {
    struct text out = {0};
    struct span bytes = span_of(read->bytes, (size_t)read->fields.count);
    const char *wish = json_string_value(json_object_get(call->params, "encoding"));
    ssize_t text = wish && strcmp(wish, "base64") == 0 ? -1 : object_text(bytes, read->more);
    if (text < 0 && wish && strcmp(wish, "text") == 0) {
        struct rpc_complaint complaint = {"/encoding", "the range is not UTF-8 text; base64 takes any bytes"};
        rpc_complain(call, &complaint);
        return;
    }
    if (text >= 0)
        bytes.n = (size_t)text;
    char line[96];
    int n = snprintf(line, sizeof(line),
                     ",\"offset\":%" PRIu64 ",\"count\":%zu,\"more\":%s,\"encoding\":", read->fields.offset,
                     bytes.n, read->more ? "true" : "false");
    add_fields(&out, read->calls, read->key, &read->fields);
    text_add(&out, span_of(line, (size_t)n));
    text_add_constant(&out, text >= 0 ? "\"text\",\"data\":" : "\"base64\",\"data\":");
    if (text >= 0)
        text_add_quoted(&out, bytes);
    else
        base64_add(&out, bytes);
    read->calls->objects->stats.bytes_copy += bytes.n;
    answer(call, &out);
}

static void run_read(struct rpc_call *call, json_t *params) {
    object_read(calls_of(call), call, text_param(params, "key"), number_param(params, "offset", 0),
                number_param(params, "count", 0), was_read);
}

/* ---- list ---------------------------------------------------------------------------------------- */

static void was_listed(struct rpc_call *call, const struct object_keys *list) {
    struct text out = {0};
    text_add_constant(&out, "{\"keys\":[");
    object_keys_add(&out, list);
    text_add_constant(&out, list->more ? "],\"more\":true" : "],\"more\":false");
    answer(call, &out);
}

static void run_list(struct rpc_call *call, json_t *params) {
    const char *prefix = json_string_value(json_object_get(params, "prefix"));
    const char *after = json_string_value(json_object_get(params, "after"));
    object_list(calls_of(call), call, prefix ? prefix : "", after ? after : "",
                number_param(params, "limit", LIST_USUAL), was_listed);
}

/* ---- the table ----------------------------------------------------------------------------------- */

#define KEY                                                                                                  \
    { .name = "key", .type = RPC_STRING, .required = true, .max = OBJECT_KEY_MAX, .help = "the object's key" }
#define SIZE_MOST 9007199254740991.0 /* 2^53 - 1, which JSON numbers can carry everywhere */
#define FIELDS                                                                                               \
    "\"key\":{\"type\":\"string\"},\"size\":{\"type\":\"integer\"},\"version\":{\"type\":\"string\"},"       \
    "\"modified\":{\"type\":\"string\"},\"type\":{\"type\":\"string\"}"
#define RESULT(properties, required)                                                                         \
    "{\"type\":\"object\",\"properties\":{" properties "},\"required\":[" required "]}"

static const struct rpc_param list_params[] = {
    {.name = "prefix",
     .type = RPC_STRING,
     .max = OBJECT_KEY_MAX,
     .initial = "\"\"",
     .help = "what the keys start with"},
    {.name = "after", .type = RPC_STRING, .max = OBJECT_KEY_MAX, .help = "the last key of the page before"},
    {.name = "limit",
     .type = RPC_INTEGER,
     .min = 1,
     .max = LIST_MOST,
     .initial = "1000",
     .help = "keys at most"},
};
static const struct rpc_param key_params[] = {KEY};
static const struct rpc_param read_params[] = {
    KEY,
    {.name = "offset", .type = RPC_INTEGER, .max = SIZE_MOST, .initial = "0", .help = "first byte"},
    {.name = "count", .type = RPC_INTEGER, .max = SIZE_MOST, .initial = "0", .help = "bytes; 0: to the end"},
    {.name = "encoding",
     .type = RPC_STRING,
     .choices = "auto|text|base64",
     .initial = "\"auto\"",
     .help = "auto: text where the bytes are UTF-8"},
};

static const struct rpc_method rows[OBJECT_METHODS] = {
    {.name = "object.list",
     .title = "List objects",
     .help = "The keys that start with a prefix, in bytewise order.",
     .params = list_params,
     .params_count = 3,
     .run = run_list,
     .result = RESULT(
         "\"keys\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},\"more\":{\"type\":\"boolean\"}",
         "\"keys\",\"more\""),
     .flags = RPC_PLAIN | RPC_TOOL | RPC_READ_ONLY | RPC_IDEMPOTENT},
    {.name = "object.info",
     .title = "Object information",
     .help = "An object's size, version, time and type.",
     .params = key_params,
     .params_count = 1,
     .run = run_info,
     .result = RESULT(FIELDS, "\"key\",\"size\""),
     .flags = RPC_PLAIN | RPC_TOOL | RPC_READ_ONLY | RPC_IDEMPOTENT},
    {.name = "object.read",
     .title = "Read an object",
     .help = "A range of an object's bytes, as text or base64.",
     .params = read_params,
     .params_count = 4,
     .run = run_read,
     .result = RESULT(FIELDS ",\"offset\":{\"type\":\"integer\"},\"count\":{\"type\":\"integer\"},"
                             "\"more\":{\"type\":\"boolean\"},\"encoding\":{\"type\":\"string\"},"
                             "\"data\":{\"type\":\"string\"}",
                      "\"key\",\"size\",\"count\",\"encoding\",\"data\""),
     .flags = RPC_PLAIN | RPC_TOOL | RPC_READ_ONLY | RPC_IDEMPOTENT},
    {.name = "object.open",
     .title = "Open an object",
     .help = "An open descriptor that rides on the reply. Unix sockets only.",
     .params = key_params,
     .params_count = 1,
     .run = run_open,
     .result = RESULT(FIELDS ",\"fds\":{\"type\":\"integer\"}", "\"key\",\"fds\""),
     .flags = RPC_PLAIN | RPC_READ_ONLY},
};

int object_methods_add(struct object_methods *methods, struct rpc *rpc, struct objects *objects,
                       const struct mime *mime) {
    methods->calls = (struct object_calls){.rpc = rpc, .objects = objects, .mime = mime};
    return rpc_add_table(rpc, rows, OBJECT_METHODS, &methods->calls, methods->rows);
}
