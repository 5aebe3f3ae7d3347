#include "handlers/mcp/http.h"

#include "handlers/http/admin.h"
#include "handlers/http/http.h"
#include "handlers/http/methods.h"
#include "handlers/mcp/ask.h"
#include "handlers/mcp/event_stream.h"
#include "handlers/mcp/headers.h"
#include "handlers/mcp/post.h"
#include "handlers/rpc/http.h"
#include "handlers/rpc/message.h"
#include "proto/accept.h"
#include "proto/jsontext.h"
#include "reactor/http1_reply.h"
#include "reactor/loop.h"

#include <errno.h>
#include <stdlib.h>

#define METHODS (1u << HTTP1_GET | 1u << HTTP1_POST | 1u << HTTP1_DELETE)
#define EVENTS  "text/event-stream"

void mcp_http_refuse(struct request *request, int status, int code, const char *words, struct span data,
                     struct span id) {
    struct text text = {0};
    message_add_error(&text, code, words, data, id);
    size_t n = text.n;
    char *bytes = text_take(&text);
    if (bytes)
        rpc_http_reply(request, status, bytes, n);
    else
        request_fail(request, STATUS_BUSY, "no memory; try again");
}

/* Refuses a message whose id is not known. */
static void refuse(struct request *request, int status, int code, const char *words) {
    mcp_http_refuse(request, status, code, words, span_of(NULL, 0), span_text("null"));
}

static void reply_empty(struct request *request, int status) {
    struct http1_reply reply;
    http1_reply_begin(&reply, request, status);
    if (status == 204)
        http1_reply_empty(&reply, UINT64_MAX);
    else
        http1_reply_bytes(&reply, span_of(NULL, 0));
}

/* ---- the transport of a POST --------------------------------------------------------------------- */

static int status_of(const struct rpc_batch *batch, const struct mcp_post *post) {
    if (post->status)
        return post->status;
    if (batch->code == MESSAGE_PARSE_ERROR || (batch->code == MESSAGE_INVALID_REQUEST && !batch->array))
        return 400;
    return post->modern && batch->code == MESSAGE_METHOD_NOT_FOUND ? 404 : 200;
}

static void reply_json(struct request *request, const struct mcp_post *post, int status, char *text,
                       size_t n) {
    if (!post->session[0]) {
        rpc_http_reply(request, status, text, n);
        return;
    }
    struct http1_reply reply;
    http1_reply_begin(&reply, request, status);
    http1_reply_field(&reply, "Content-Type", span_text("application/json"));
    http1_reply_field(&reply, "Mcp-Session-Id", span_text(post->session));
    http1_reply_bytes(&reply, span_of(text, n));
    free(text);
}

static void reply(struct rpc_batch *batch, char *text, size_t n, int fd) {
    struct mcp_post *post = batch->context;
    if (fd >= 0)
        ledger_release(&batch->rpc->loop->ledger, fd);
    if (post->opened) {
        mcp_post_answer(post, span_of(text, n));
        free(text);
    } else if (text) {
        reply_json(batch->request, post, status_of(batch, post), text, n);
    } else {
        reply_empty(batch->request, 202);
    }
}

static bool notify(struct rpc_batch *batch, struct span text) {
    struct mcp_post *post = batch->context;
    post->batch = batch;
    return mcp_post_say(post, text);
}

static void pause_reply(struct rpc_batch *batch) {
    struct mcp_post *post = batch->context;
    post->batch = batch;
    mcp_post_pause(post);
}

static void drop(struct rpc_batch *batch) {
    mcp_post_drop(batch->context);
}

static bool admit(struct rpc_call *call, json_t *params) {
    struct mcp_post *post = call->batch->context;
    post->batch = call->batch;
    if (post->modern && !json_object_get(call->meta, MCP_META("protocolVersion"))) {
        mcp_http_refused(call);
        rpc_error(call, MESSAGE_INVALID_PARAMS, "_meta: " MCP_META("protocolVersion") " is missing", NULL);
        return false;
    }
    return mcp_admit(call, params);
}

#define TRANSPORT                                                                                            \
    .sets = RPC_MCP, .reply = reply, .notify = notify, .pause = pause_reply, .admit = admit,                 \
    .answered = ask_answered, .drop = drop
static const struct rpc_transport transport = {TRANSPORT}, batch_transport = {TRANSPORT, .batches = true};

static struct mcp_post *post_of_batch(const struct rpc_batch *batch) {
    bool ours = batch->transport == &transport || batch->transport == &batch_transport;
    return ours ? batch->context : NULL;
}

static struct mcp_post *post_of(const struct rpc_call *call) {
    return post_of_batch(call->batch);
}

void mcp_http_refused(struct rpc_call *call) {
    struct mcp_post *post = post_of(call);
    if (post)
        post->status = 400;
}

bool mcp_http_begin(struct rpc_call *call, const struct mcp_token *token) {
    struct mcp_post *post = post_of(call);
    if (!mcp_token_encode(token, post->mcp->key, post->session))
        return false;
    post->token = *token;
    post->has_token = true;
    return true;
}

bool mcp_http_token(struct rpc_call *call, struct mcp_token *token) {
    const struct mcp_post *post = post_of(call);
    if (!post || !post->has_token)
        return false;
    *token = post->token;
    return true;
}

const struct mcp_token *mcp_http_batch_token(const struct rpc_batch *batch) {
    const struct mcp_post *post = post_of_batch(batch);
    return post && post->has_token ? &post->token : NULL;
}

/* ---- sessions ------------------------------------------------------------------------------------- */

/* 0: good; otherwise the status that says why not. */
static int judge_session(struct mcp *mcp, const struct exchange *exchange, struct mcp_token *token) {
    struct span id = exchange_field(exchange, "Mcp-Session-Id");
    uint32_t now = mcp_date(mcp);
    if (!id.p)
        return 400;
    if (!mcp_token_decode(id, mcp->key, token) || token->made + mcp->sessions.age < now)
        return 404;
    const struct mcp_session *session = mcp_session_find(&mcp->sessions, token);
    return session && session->revoked ? 404 : 0;
}

/* id: of the message. False: the request was answered. */
static bool session_is_good(struct mcp *mcp, struct request *request, const struct exchange *exchange,
                            struct mcp_token *token, struct span id) {
    int status = judge_session(mcp, exchange, token), code = MESSAGE_INVALID_REQUEST;
    struct span version = exchange_field(exchange, "MCP-Protocol-Version");
    const char *words = "Mcp-Session-Id is missing: initialize first";
    if (status == 0 && version.p && mcp_version_index(version) < 0) {
        status = 400;
        words = "MCP-Protocol-Version: not a version of this session's era";
    } else if (status == 0) {
        return true;
    } else if (status == 404) {
        code = -32001;
        words = "Session not found";
    }
    mcp->stats.mcp_refused++;
    mcp_http_refuse(request, status, code, words, span_of(NULL, 0), id);
    return false;
}

static void run_delete(struct mcp *mcp, struct request *request, const struct exchange *exchange) {
    struct mcp_token token;
    if (!session_is_good(mcp, request, exchange, &token, span_text("null")))
        return;
    struct mcp_session *session = mcp_session_get(&mcp->sessions, &token, mcp_date(mcp));
    if (!session) {
        request_fail(request, STATUS_BUSY, "too many sessions with state (mcp_sessions); try again");
        return;
    }
    mcp_session_revoke(session);
    reply_empty(request, 204);
}

static void session_stream_gone(void *owner) {
    struct mcp_session *session = owner;
    session->stream = NULL;
}

static bool accepts(const struct exchange *exchange, const char *type) {
    return accept_type(&exchange->head.fields, span_text(type));
}

/* Clients must accept both JSON and events; those without Accept get JSON. */
static bool accepts_nothing(const struct exchange *exchange) {
    return exchange_field(exchange, "Accept").p && !accepts(exchange, "application/json") &&
           !accepts(exchange, EVENTS);
}

/* Opens the stream for what the server says unasked; the newest stream of a session is the one used. 0 or -EBUSY. */
static int listen_to(struct mcp *mcp, struct request *request, struct mcp_session *session, uint64_t last) {
    struct event_stream *stream = event_stream_open(mcp, request, NULL, session_stream_gone, session);
    if (!stream)
        return -EBUSY;
    if (session->stream)
        event_stream_disown(session->stream);
    event_stream_listen(stream, true);
    session->stream = stream;
    session->streamed = true;
    mcp_post_recall(session, 0, last, stream);
    news_join(&mcp->news);
    return 0;
}

static void run_get(struct mcp *mcp, struct request *request, const struct exchange *exchange) {
    struct mcp_token token;
    /* Clients expect either events or 405; without a session there is nothing to listen to. */
    if (!accepts(exchange, EVENTS) || !exchange_field(exchange, "Mcp-Session-Id").p) {
        methods_answer(request, METHODS);
        return;
    }
    if (!session_is_good(mcp, request, exchange, &token, span_text("null")))
        return;
    struct mcp_session *session = mcp_session_get(&mcp->sessions, &token, mcp_date(mcp));
    struct span given = exchange_field(exchange, "Last-Event-ID");
    uint64_t last = UINT64_MAX; /* nothing again */
    unsigned number = 0;
    int error = -EBUSY;
    if (session && given.p && recall_parse(given, &number, &last) && number > 0)
        error = mcp_post_resume(mcp, request, session, number, last);
    else if (session)
        error = listen_to(mcp, request, session, last);
    if (error == -ENOENT)
        refuse(request, 400, MESSAGE_INVALID_REQUEST,
               "Last-Event-ID: the events behind it are not known (any more)");
    else if (error)
        request_fail(request, STATUS_BUSY, "too many sessions or streams (mcp_sessions, mcp_streams)");
}

/* ---- POST ------------------------------------------------------------------------------------------ */

/* The parts of a body that decide its era. */
struct glance {
    bool good;   /* one object that is a message */
    bool modern; /* _meta has a protocol version */
    bool initialize;
    struct span value; /* p is NULL: no JSON */
    struct message message;
};

static void look(const struct mcp *mcp, struct span body, struct glance *glance) {
    struct span value;
    *glance = (struct glance){0};
    if (jsontext_check(body, (unsigned)mcp->rpc->settings.rpc_depth, &value))
        return;
    glance->value = value;
    if (jsontext_kind(value) != JSONTEXT_OBJECT)
        return;
    message_decode(value, &glance->message);
    glance->good = glance->message.kind != MESSAGE_INVALID;
    if (!glance->good)
        return;
    struct span meta = jsontext_find(glance->message.params, "_meta");
    glance->modern = jsontext_find(meta, MCP_META("protocolVersion")).p != NULL;
    glance->initialize = glance->message.method.p && jsontext_is(glance->message.method, "initialize");
}

static bool is_modern(const struct exchange *exchange, const struct glance *glance) {
    struct span version = exchange_field(exchange, "MCP-Protocol-Version");
    return glance->modern || (version.p && span_equal(version, span_text(MCP_MODERN))) ||
           (version.p && mcp_version_index(version) < 0 && !exchange_field(exchange, "Mcp-Session-Id").p);
}

static void run_post(struct mcp *mcp, struct request *request, const struct exchange *exchange) {
    struct glance glance;
    struct span body = span_of(exchange->body, exchange->body_n);
    struct mcp_post *post = calloc(1, sizeof(*post));
    if (!post) {
        request_fail(request, STATUS_BUSY, "no memory; try again");
        return;
    }
    post->mcp = mcp;
    post->takes_events = accepts(exchange, EVENTS);
    look(mcp, body, &glance);
    post->modern = glance.good && is_modern(exchange, &glance);
    bool go = true;
    if (post->modern) {
        go = headers_match(mcp, request, exchange, &glance.message);
    } else if (glance.good && !glance.initialize) {
        go = post->has_token =
            session_is_good(mcp, request, exchange, &post->token,
                            glance.message.kind == MESSAGE_CALL ? glance.message.id : span_text("null"));
    } else if (!glance.good && exchange_field(exchange, "Mcp-Session-Id").p) {
        post->has_token = judge_session(mcp, exchange, &post->token) == 0;
    }
    if (!go) {
        free(post);
        return;
    }
    bool batches = post->has_token && post->token.version == 1; /* 2025-03-26 alone has them */
    if (!rpc_batch_run_value(mcp->rpc, request, batches ? &batch_transport : &transport, post, glance.value))
        free(post);
}

static void run(struct request *request, struct exchange *exchange) {
    struct loop *loop = request_loop(request);
    struct rpc *rpc = loop->rpc->context;
    const char *forbidden = admin_forbidden(http_of(loop->http), request, exchange);
    const char *unreadable = rpc_http_unreadable(exchange);
    bool modern = span_equal(exchange_field(exchange, "MCP-Protocol-Version"), span_text(MCP_MODERN));
    if (forbidden)
        refuse(request, 403, MESSAGE_INVALID_REQUEST, forbidden);
    else if (modern && exchange->head.method != HTTP1_POST)
        methods_answer(request, 1u << HTTP1_POST); /* that era has neither sessions nor their streams */
    else if (exchange->head.method == HTTP1_GET)
        run_get(rpc->mcp, request, exchange);
    else if (exchange->head.method == HTTP1_DELETE)
        run_delete(rpc->mcp, request, exchange);
    else if (exchange->head.method != HTTP1_POST)
        methods_answer(request, METHODS);
    else if (unreadable)
        refuse(request, 415, MESSAGE_INVALID_REQUEST, unreadable);
    else if (accepts_nothing(exchange))
        refuse(request, 406, MESSAGE_INVALID_REQUEST, "Accept: application/json, text/event-stream");
    else
        run_post(rpc->mcp, request, exchange);
}

void mcp_http_init(struct mcp *mcp) {
    mcp->http_handler = (struct http_handler){.body_limit = mcp->rpc->settings.rpc_message, .run = run};
}
