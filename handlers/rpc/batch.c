#include "handlers/rpc/call.h"

#include "handlers/http/json_value.h"
#include "handlers/rpc/message.h"
#include "handlers/rpc/rpc.h"
#include "proto/jsontext.h"
#include "reactor/conn.h"
#include "reactor/listener.h"

#include <stdio.h>
#include <stdlib.h>

#define NAME_MAX_BYTES 128 /* of a method's name */

static void dispatch(struct rpc_batch *batch);

void rpc_batch_abandon(struct rpc_batch *batch) {
    struct rpc_call *call, *next;
    batch->request = NULL;
    batch->detached = false;
    batch->left.n = 0;
    for (call = LIST_FIRST(&batch->calls); call; call = next) {
        next = LIST_NEXT(call, link);
        rpc_cancel(call); /* does not answer it */
    }
}

void rpc_batch_detach(struct rpc_batch *batch) {
    batch->request = NULL;
    batch->detached = true;
}

static void client_left(struct request *request) {
    rpc_batch_abandon(request->state);
}

static struct rpc_batch *new_batch(struct rpc *rpc, struct request *request,
                                   const struct rpc_transport *transport, void *context) {
    struct rpc_batch *batch = malloc(sizeof(*batch));
    if (!batch)
        return NULL;
    *batch = (struct rpc_batch){.rpc = rpc,
                                .request = request,
                                .transport = transport,
                                .context = context,
                                .admin = request->conn->listener->options.admin,
                                .fd = -1};
    LIST_INIT(&batch->calls);
    LIST_INSERT_HEAD(&rpc->batches, batch, link);
    request->state = batch;
    request->cleanup = client_left;
    return batch;
}

static void drop_fd(struct rpc_batch *batch) {
    if (batch->fd >= 0)
        ledger_release(&batch->rpc->loop->ledger, batch->fd);
    batch->fd = -1;
}

static void free_batch(struct rpc_batch *batch) {
    LIST_REMOVE(batch, link);
    if (batch->transport->drop)
        batch->transport->drop(batch);
    drop_fd(batch);
    text_free(&batch->out);
    free(batch->rest);
    free(batch);
}

static void send_reply(struct rpc_batch *batch) {
    struct request *request = batch->request;
    if (batch->array && batch->answers > 0)
        text_add_constant(&batch->out, "]");
    size_t n = batch->out.n;
    char *text = batch->answers > 0 ? text_take(&batch->out) : NULL;
    if (request) {
        request->state = NULL;
        request->cleanup = NULL;
    }
    bool lost = batch->answers > 0 && !text;
    if (lost && request && !request->replied) {
        request_fail(request, STATUS_BUSY, "no memory for the reply; try again");
        return;
    }
    if (lost && request) { /* behind what was said before: the end is an answer, too, silence is none */
        stream_abort(&request->conn->stream);
        return;
    }
    int fd = batch->fd;
    batch->fd = -1;
    batch->transport->reply(batch, text, n, fd);
}

/* After a member: starts the next ones, or, when all are answered, sends the reply. */
static void finish(struct rpc_batch *batch) {
    if (batch->dispatching)
        return;
    if (batch->left.n > 0 && batch->open < (unsigned)batch->rpc->settings.rpc_parallel) {
        dispatch(batch);
    } else if (batch->open == 0) {
        if (batch->request || batch->detached)
            send_reply(batch);
        free_batch(batch);
    }
}

/* ---- answers ------------------------------------------------------------------------------------- */

/* Prepares `out` for one more answer. */
static void begin_answer(struct rpc_batch *batch) {
    if (batch->array)
        text_add_constant(&batch->out, batch->answers ? "," : "[");
    batch->answers++;
}

static void begin_result(struct rpc_batch *batch) {
    begin_answer(batch);
    text_add_constant(&batch->out, "{\"jsonrpc\":\"2.0\",\"result\":");
}

static void end_result(struct rpc_batch *batch, struct span id) {
    text_add_constant(&batch->out, ",\"id\":");
    text_add(&batch->out, id);
    text_add_constant(&batch->out, "}");
}

static void add_error(struct rpc_batch *batch, struct span id, int code, const char *message,
                      const json_t *data) {
    struct text json = {0};
    if (data)
        text_add_json(&json, data);
    if (batch->fd_at >= batch->out.n)
        drop_fd(batch); /* it was for the result that this stands for */
    begin_answer(batch);
    message_add_error(&batch->out, code, message, span_of(json.p, json.failed ? 0 : json.n), id);
    text_free(&json);
    batch->code = code;
    batch->rpc->stats.rpc_errors++;
}

static struct span id_of(const struct rpc_call *call) {
    return span_of(call->id, call->id_n);
}

static bool wanted(const struct rpc_call *call) {
    return (call->batch->request || call->batch->detached) && !call->notice && !call->cancelled;
}

void rpc_await_client(struct rpc_call *call, bool awaits) {
    struct rpc_batch *batch = call->batch;
    batch->awaits = batch->awaits + awaits - call->awaits;
    call->awaits = awaits;
    if (batch->request)
        request_wait(batch->request, batch->awaits > 0);
}

void rpc_silence(struct rpc_call *call) {
    struct rpc_batch *batch = call->batch;
    rpc_await_client(call, false);
    batch->rpc->stats.rpc_open--;
    LIST_REMOVE(call, link);
    json_decref(call->params);
    json_decref(call->message);
    json_decref(call->answers);
    json_decref(call->meta);
    free(call);
    batch->open--;
    finish(batch);
}

/* Takes back a member that would make the reply too long. */
static void limit_answer(struct rpc_call *call, size_t before) {
    struct rpc_batch *batch = call->batch;
    if (batch->out.failed || batch->out.n <= batch->rpc->settings.rpc_reply)
        return;
    batch->out.n = before;
    batch->answers--;
    json_t *data = json_pack("{s:s}", "status", status_name(STATUS_TOO_LARGE));
    add_error(batch, id_of(call), status_rpc(STATUS_TOO_LARGE), "the reply would be too long (rpc_reply)",
              data);
    json_decref(data);
}

void rpc_result_text(struct rpc_call *call, struct span json) {
    if (wanted(call)) {
        struct rpc_batch *batch = call->batch;
        size_t before = batch->out.n;
        begin_result(batch);
        if (call->wrap)
            call->wrap->result(call, &batch->out, json);
        else
            text_add(&batch->out, json);
        end_result(batch, id_of(call));
        limit_answer(call, before);
    }
    rpc_silence(call);
}

void rpc_result(struct rpc_call *call, json_t *result) {
    struct text text = {0};
    if (result && wanted(call))
        text_add_json(&text, result);
    if (!result || text.failed)
        rpc_fail(call, STATUS_BUSY, "no memory; try again");
    else
        rpc_result_text(call, span_of(text.p, text.n));
    text_free(&text);
    json_decref(result);
}

/* Adds an error in the form of a result. */
static bool add_wrapped_error(struct rpc_call *call, int code, const char *message, const json_t *data) {
    struct text text = {0};
    const char *words = message ? message : message_of_code(code);
    if (!call->wrap || !call->wrap->error || !call->wrap->error(call, &text, code, words, data)) {
        text_free(&text);
        return false;
    }
    begin_result(call->batch);
    text_add(&call->batch->out, span_of(text.p, text.n));
    end_result(call->batch, id_of(call));
    call->batch->out.failed |= text.failed;
    text_free(&text);
    return true;
}

void rpc_error(struct rpc_call *call, int code, const char *message, json_t *data) {
    if (call->wrap && call->wrap->code)
        code = call->wrap->code(call, code);
    if (wanted(call) && !add_wrapped_error(call, code, message, data))
        add_error(call->batch, id_of(call), code, message, data);
    json_decref(data);
    rpc_silence(call);
}

void rpc_fail(struct rpc_call *call, enum status status, const char *text) {
    rpc_error(call, status_rpc(status), text, json_pack("{s:s}", "status", status_name(status)));
}

void rpc_fail_errno(struct rpc_call *call, int error) {
    char text[96];
    enum status status = status_of_errno(error);
    const char *words = strerrordesc_np(error < 0 ? -error : error);
    snprintf(text, sizeof(text), "%s", status == STATUS_IO && words ? words : status_meaning(status));
    rpc_fail(call, status, text);
}

void rpc_complain(struct rpc_call *call, const struct rpc_complaint *complaint) {
    json_t *data = json_pack("{s:s, s:s}", "path", complaint->path, "reason", complaint->reason);
    rpc_error(call, MESSAGE_INVALID_PARAMS, NULL, data);
}

/* ---- calls --------------------------------------------------------------------------------------- */

struct request *rpc_request(const struct rpc_call *call) {
    return call->batch->request;
}

bool rpc_attach(struct rpc_call *call, int fd, uint64_t *passed) {
    struct rpc_batch *batch = call->batch;
    if (batch->fd >= 0 || !wanted(call))
        return false;
    batch->fd = fd;
    batch->passed = passed;
    batch->fd_at = batch->out.n + batch->array; /* behind the bracket or comma */
    return true;
}

static struct rpc_call *new_call(struct rpc_batch *batch, const struct rpc_method *method,
                                 const struct message *message) {
    struct rpc_call *call = malloc(sizeof(*call) + message->id.n);
    if (!call)
        return NULL;
    *call = (struct rpc_call){.batch = batch,
                              .method = method,
                              .notice = message->kind == MESSAGE_NOTIFICATION,
                              .id_n = (unsigned)message->id.n};
    memcpy(call->id, message->id.p, message->id.n);
    LIST_INSERT_HEAD(&batch->calls, call, link);
    batch->open++;
    batch->rpc->stats.rpc_open++;
    return call;
}

static const struct rpc_method *method_of(const struct rpc_batch *batch, struct span quoted) {
    char name[NAME_MAX_BYTES];
    ssize_t n = jsontext_string(quoted, name, sizeof(name) - 1);
    if (n < 0 || memchr(name, '\0', (size_t)n))
        return NULL;
    name[n] = '\0';
    return rpc_find(batch->rpc, name, batch->transport->sets);
}

/* Parses params. False: the call was answered. */
static bool take_params(struct rpc_call *call, struct span params) {
    struct rpc_complaint complaint = {.path = ""};
    struct json_obstacle obstacle = {0};
    if (params.p)
        call->params = json_value(params, 0, &obstacle);
    else
        call->params = call->method->flags & RPC_LIST ? json_array() : json_object();
    if (call->params) {
        call->meta = json_incref(json_object_get(call->params, "_meta"));
        return true;
    }
    if (obstacle.why) {
        snprintf(complaint.reason, sizeof(complaint.reason), "%s", obstacle.why);
        rpc_complain(call, &complaint);
    } else {
        rpc_fail(call, STATUS_BUSY, "no memory; try again");
    }
    return false;
}

static bool check_params(struct rpc_call *call) {
    struct rpc_complaint complaint = {.path = ""};
    unsigned flags = call->method->flags;
    if ((flags & RPC_UNCHECKED && json_is_object(call->params)) ||
        (flags & RPC_LIST && json_is_array(call->params)))
        return true;
    if (rpc_check_params(call->method, &call->params, &complaint))
        return true;
    rpc_complain(call, &complaint);
    return false;
}

bool rpc_has_admin(const struct rpc_call *call) {
    return call->batch->admin;
}

void rpc_run_method(struct rpc_call *call) {
    const struct rpc_method *method = call->method;
    if (method->flags & RPC_ADMIN && !rpc_has_admin(call)) {
        rpc_fail(call, STATUS_DENIED, "this listener has no administration");
        return;
    }
    if (!check_params(call))
        return;
    if (method->work)
        rpc_work_start(call);
    else
        method->run(call, call->params);
}

bool rpc_notify(struct rpc_call *call, struct span text) {
    struct rpc_batch *batch = call->batch;
    return wanted(call) && batch->transport->notify && batch->transport->notify(batch, text);
}

void rpc_pause(struct rpc_call *call) {
    struct rpc_batch *batch = call->batch;
    if (wanted(call) && batch->transport->pause)
        batch->transport->pause(batch);
}

static void run_call(struct rpc_call *call, struct span params) {
    const struct rpc_transport *transport = call->batch->transport;
    if (take_params(call, params) && (!transport->admit || transport->admit(call, call->params)))
        rpc_run_method(call);
}

static void run_member(struct rpc_batch *batch, struct span value) {
    struct rpc_stats *stats = &batch->rpc->stats;
    struct message message;
    message_decode(value, &message);
    if (message.kind == MESSAGE_INVALID) {
        stats->rpc_malformed++;
        add_error(batch, message.id, MESSAGE_INVALID_REQUEST, NULL, NULL);
        return;
    }
    if (message.kind == MESSAGE_REPLY) {
        if (batch->transport->answered)
            batch->transport->answered(batch, message.id, message.result, message.error);
        return;
    }
    (*(message.kind == MESSAGE_CALL ? &stats->rpc_calls : &stats->rpc_notifications))++;
    const struct rpc_method *method = method_of(batch, message.method);
    bool answer = message.kind == MESSAGE_CALL;
    if (!method || (answer && method->flags & RPC_NOTICE)) {
        if (answer)
            add_error(batch, message.id, MESSAGE_METHOD_NOT_FOUND, NULL, NULL);
        return;
    }
    struct rpc_call *call = new_call(batch, method, &message);
    if (call)
        run_call(call, message.params);
    else if (answer)
        add_error(batch, message.id, status_rpc(STATUS_BUSY), "no memory; try again", NULL);
}

/* Starts members until enough are in hand. */
static void start_members(struct rpc_batch *batch) {
    struct span value;
    while (batch->open < (unsigned)batch->rpc->settings.rpc_parallel) {
        if (!jsontext_element(&batch->left, &value)) {
            batch->left.n = 0;
            return;
        }
        run_member(batch, value);
    }
}

static void dispatch(struct rpc_batch *batch) {
    batch->dispatching = true;
    start_members(batch);
    batch->dispatching = false;
    finish(batch);
}

static unsigned count_members(struct span value) {
    struct span rest = jsontext_inside(value), element;
    unsigned count = 0;
    while (jsontext_element(&rest, &element))
        count++;
    return count;
}

/* The payload is invalid after rpc_batch_run() returns: copies the members that have not started yet. */
static void keep_rest(struct rpc_batch *batch) {
    if (batch->left.n == 0)
        return;
    batch->rest = malloc(batch->left.n);
    if (batch->rest) {
        memcpy(batch->rest, batch->left.p, batch->left.n);
        batch->left.p = batch->rest;
    } else {
        batch->left.n = 0;
        add_error(batch, span_text("null"), status_rpc(STATUS_BUSY), "no memory for the rest of the batch",
                  NULL);
    }
}

static void run_array(struct rpc_batch *batch, struct span value) {
    unsigned count = count_members(value);
    batch->rpc->stats.rpc_batches++;
    if (count == 0 || !batch->transport->batches || count > (unsigned)batch->rpc->settings.rpc_batch) {
        const char *why = count == 0                   ? NULL
                          : !batch->transport->batches ? "batches are not taken here"
                                                       : "more calls than rpc_batch allows";
        add_error(batch, span_text("null"), MESSAGE_INVALID_REQUEST, why, NULL);
        return;
    }
    batch->array = true;
    batch->left = jsontext_inside(value);
    start_members(batch);
    keep_rest(batch);
}

bool rpc_batch_run_value(struct rpc *rpc, struct request *request, const struct rpc_transport *transport,
                         void *context, struct span value) {
    struct rpc_batch *batch = new_batch(rpc, request, transport, context);
    if (!batch) {
        request_fail(request, STATUS_BUSY, "no memory; try again");
        return false;
    }
    batch->dispatching = true;
    if (!value.p) {
        rpc->stats.rpc_malformed++;
        add_error(batch, span_text("null"), MESSAGE_PARSE_ERROR, NULL, NULL);
    } else if (jsontext_kind(value) == JSONTEXT_ARRAY) {
        run_array(batch, value);
    } else {
        run_member(batch, value);
    }
    batch->dispatching = false;
    finish(batch);
    return true;
}

void rpc_batch_run(struct rpc *rpc, struct request *request, const struct rpc_transport *transport,
                   void *context, struct span payload) {
    struct span value;
    if (jsontext_check(payload, (unsigned)rpc->settings.rpc_depth, &value))
        value = span_of(NULL, 0);
    rpc_batch_run_value(rpc, request, transport, context, value);
}
