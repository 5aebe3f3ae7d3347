#include "handlers/rpc/rpc.h"

#include "handlers/rpc/http.h"
#include "handlers/rpc/message.h"
#include "proto/frame.h"
#include "proto/jsontext.h"
#include "reactor/conn.h"
#include "reactor/loop.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define DEPTH 1024 /* of a message whose id is looked for */

static const struct setting rpc_settings[] = {
#define SETTING(kind, field, initial, range, help)                                                           \
    {#field, SETTING_##kind, offsetof(struct rpc_settings, field), initial, range, help},
#include "handlers/rpc/options.def"
#undef SETTING
};

const struct settings_table rpc_settings_table = {"rpc", rpc_settings,
                                                  sizeof(rpc_settings) / sizeof(rpc_settings[0])};

static const struct counter rpc_counters[] = {
#define COUNTER(kind, field, help) {#field, COUNTER_##kind, offsetof(struct rpc_stats, field), help},
#include "handlers/rpc/stats.def"
#undef COUNTER
};

static struct rpc *rpc_of(const struct loop *loop) {
    return loop->rpc->context;
}

/* ---- sockets --------------------------------------------------------------------------------------- */

/* The id of a message that is refused unread, or of a reply that cannot leave, as far as it has one; p is NULL for a
 * notification. */
static struct span id_of(struct span payload) {
    struct span value;
    struct message message;
    if (!payload.p || jsontext_check(payload, DEPTH, &value))
        return span_text("null");
    message_decode(value, &message);
    return message.kind == MESSAGE_NOTIFICATION ? span_of(NULL, 0) : message.id;
}

static int error_text(struct rpc_service *service, struct span payload, enum status status, const char *words,
                      char **out, size_t *n) {
    struct text text = {0};
    char data[64];
    struct rpc *rpc = service->context;
    struct span id = id_of(payload);
    *out = NULL;
    if (!id.p)
        return 0;
    rpc->stats.rpc_errors++;
    snprintf(data, sizeof(data), "{\"status\":\"%s\"}", status_name(status));
    message_add_error(&text, status_rpc(status), words, span_text(data), id);
    *n = text.n;
    *out = text_take(&text);
    return *out ? 0 : -ENOMEM;
}

/* The answer of a reply that starts at a place: itself, or a member. */
static struct span answer_at(struct span text, size_t at) {
    struct span rest, answer = text;
    if (jsontext_kind(text) != JSONTEXT_ARRAY)
        return text;
    rest = jsontext_inside(text);
    while (jsontext_element(&rest, &answer) && answer.p < text.p + at)
        continue;
    return answer;
}

/* The kernel refuses to pass the descriptor of a reply: the answer that it belongs to becomes an error. */
static void refused(struct request *request, struct span message, int fd) {
    struct loop *loop = request_loop(request);
    struct span text = rpc_front_text(request, message), answer = answer_at(text, (size_t)request->offset);
    struct text out = {0};
    size_t n = 0;
    uint64_t *passed = request->state;
    const char *end = answer.p + answer.n;
    char *error;
    error_text(loop->rpc, answer, STATUS_FD_LIMIT, "too many descriptors in flight; receive some first",
               &error, &n);
    (*passed)--;
    ledger_release(&loop->ledger, fd);
    text_add(&out, span_of(text.p, (size_t)(answer.p - text.p)));
    text_add(&out, span_of(error, n));
    text_add(&out, span_of(end, (size_t)(text.p + text.n - end)));
    free(error);
    n = out.n;
    char *whole = error ? text_take(&out) : NULL;
    text_free(&out);
    if (whole)
        rpc_front_reply(request, whole, n, -1);
    else
        stream_abort(&request->conn->stream); /* no memory */
}

static void reply(struct rpc_batch *batch, char *text, size_t n, int fd) {
    struct request *request = batch->request;
    if (!text) {
        request_no_reply(request);
        return;
    }
    if (fd >= 0) {
        (*batch->passed)++;
        request->state = batch->passed;
        request->offset = batch->fd_at;
        if (n + FRAME_HEADER <= OUTQ_ROOM) /* of longer ones the queue has the beginning only */
            request->refused = refused;
    }
    rpc_front_reply(request, text, n, fd);
}

static bool notify(struct rpc_batch *batch, struct span text) {
    return rpc_front_notify(batch->request->conn, text) == 0;
}

static bool admit(struct rpc_call *call, json_t *params) {
    const struct rpc *rpc = call->batch->rpc;
    return !rpc->admit || rpc->admit(call, params);
}

static void answered(struct rpc_batch *batch, struct span id, struct span result, struct span error) {
    if (batch->rpc->answered)
        batch->rpc->answered(batch, id, result, error);
}

const struct rpc_transport rpc_socket = {.sets = RPC_PLAIN | RPC_MCP,
                                         .batches = true,
                                         .reply = reply,
                                         .notify = notify,
                                         .admit = admit,
                                         .answered = answered};
const struct rpc_transport rpc_single_socket = {
    .sets = RPC_PLAIN | RPC_MCP, .reply = reply, .notify = notify, .admit = admit, .answered = answered};

static void run(struct request *request, struct span payload) {
    struct rpc *rpc = rpc_of(request_loop(request));
    const struct rpc_transport *transport =
        rpc->choose_transport ? rpc->choose_transport(rpc, request->conn) : &rpc_socket;
    rpc_batch_run(rpc, request, transport, NULL, payload);
}

/* ---- methods --------------------------------------------------------------------------------------- */

/* The index of the name, or where it would be. */
static unsigned place_of(const struct rpc *rpc, const char *name, bool *there) {
    unsigned low = 0, high = rpc->methods_count;
    *there = false;
    while (low < high && !*there) {
        unsigned middle = (low + high) / 2;
        int order = strcmp(rpc->methods[middle]->name, name);
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
        if (order == 0) {
            *there = true;
            low = middle;
        }
    }
    return low;
}

int rpc_add(struct rpc *rpc, const struct rpc_method *method) {
    bool there;
    unsigned at = place_of(rpc, method->name, &there);
    if (there)
        return -EEXIST;
    const struct rpc_method **methods = reallocarray(rpc->methods, rpc->methods_count + 1, sizeof(*methods));
    if (!methods)
        return -ENOMEM;
    rpc->methods = methods;
    memmove(methods + at + 1, methods + at, (rpc->methods_count - at) * sizeof(*methods));
    methods[at] = method;
    rpc->methods_count++;
    return 0;
}

int rpc_add_table(struct rpc *rpc, const struct rpc_method *table, unsigned count, void *context,
                  struct rpc_method *rows) {
    int error = 0;
    for (unsigned i = 0; i < count && !error; i++) {
        rows[i] = table[i];
        rows[i].context = context;
        error = rpc_add(rpc, &rows[i]);
    }
    return error;
}

const struct rpc_method *rpc_find(const struct rpc *rpc, const char *name, unsigned sets) {
    bool there;
    unsigned at = place_of(rpc, name, &there);
    return there && rpc->methods[at]->flags & sets ? rpc->methods[at] : NULL;
}

int rpc_init(struct rpc *rpc, struct loop *loop, const struct rpc_settings *settings) {
    *rpc = (struct rpc){.loop = loop, .settings = *settings};
    LIST_INIT(&rpc->batches);
    rpc->service = (struct rpc_service){
        .run = run, .error = error_text, .context = rpc, .limit = (size_t)settings->rpc_message};
    loop->rpc = &rpc->service;
    loop->fronts[PROTOCOL_JSON] = &rpc_lines_front;
    loop->fronts[PROTOCOL_MCP1] = &rpc_mcp1_front;
    rpc_http_init(rpc);
    loop_add_counters(loop,
                      (struct counters_table){"rpc", rpc_counters,
                                              sizeof(rpc_counters) / sizeof(rpc_counters[0]), &rpc->stats});
    return 0;
}

void rpc_free(struct rpc *rpc) {
    free(rpc->methods);
    rpc->methods = NULL;
}
