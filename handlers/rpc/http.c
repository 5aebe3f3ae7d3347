#include "handlers/rpc/http.h"

#include "handlers/http/admin.h"
#include "handlers/http/http.h"
#include "handlers/http/methods.h"
#include "proto/chars.h"
#include "reactor/http1_reply.h"
#include "reactor/loop.h"
#include "reactor/memory_body.h"

#include <stdlib.h>

#define COPIED_MAX 2048u

void rpc_http_reply(struct request *request, int status, char *text, size_t n) {
    struct http1_reply reply;
    struct body *body = n > COPIED_MAX ? memory_body_new(request, text, n) : NULL;
    if (n > COPIED_MAX && !body) {
        free(text);
        request_fail(request, STATUS_BUSY, "no memory for the reply (bytes_total); try again");
        return;
    }
    http1_reply_begin(&reply, request, status);
    http1_reply_field(&reply, "Content-Type", span_text("application/json"));
    if (body) {
        http1_reply_body(&reply, n, body);
    } else {
        http1_reply_bytes(&reply, span_of(text, n));
        free(text);
    }
}

static bool is_json(struct span type) {
    static const char *const types[] = {"application/json", "application/json-rpc",
                                        "application/jsonrequest"};
    const char *end = memchr(type.p, ';', type.n);
    type = span_trim(span_of(type.p, end ? (size_t)(end - type.p) : type.n));
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (span_equal_nocase(type, span_text(types[i])))
            return true;
    return false;
}

const char *rpc_http_unreadable(const struct exchange *exchange) {
    struct span type = exchange_field(exchange, "Content-Type"),
                coding = exchange_field(exchange, "Content-Encoding");
    if (type.p && !is_json(type))
        return "the Content-Type must be application/json";
    if (coding.p && !span_equal_nocase(coding, span_text("identity")))
        return "no Content-Encoding is taken here";
    return NULL;
}

static void reply(struct rpc_batch *batch, char *text, size_t n, int fd) {
    struct request *request = batch->request;
    if (fd >= 0)
        ledger_release(&batch->rpc->loop->ledger, fd);
    if (text) {
        rpc_http_reply(request, 200, text, n);
    } else {
        struct http1_reply empty;
        http1_reply_begin(&empty, request, 204);
        http1_reply_empty(&empty, UINT64_MAX);
    }
}

static const struct rpc_transport transport = {.sets = RPC_PLAIN, .batches = true, .reply = reply};

static void run(struct request *request, struct exchange *exchange) {
    struct loop *loop = request_loop(request);
    struct rpc *rpc = loop->rpc->context;
    const char *forbidden = admin_forbidden(http_of(loop->http), request, exchange);
    const char *unreadable = rpc_http_unreadable(exchange);
    if (forbidden)
        request_fail(request, STATUS_DENIED, forbidden);
    else if (exchange->head.method != HTTP1_POST)
        methods_answer(request, 1u << HTTP1_POST);
    else if (unreadable)
        http1_reply_error(request, 415, "UNSUPPORTED", unreadable);
    else
        rpc_batch_run(rpc, request, &transport, NULL, span_of(exchange->body, exchange->body_n));
}

void rpc_http_init(struct rpc *rpc) {
    rpc->http_handler = (struct http_handler){.body_limit = rpc->settings.rpc_message, .run = run};
}
