#include "handlers/http/call.h"

#include "handlers/http/channel.h"
#include "handlers/http/handler_api.h"
#include "handlers/http/http.h"
#include "handlers/http/pulled_body.h"
#include "handlers/http/request_id.h"
#include "reactor/conn.h"
#include "reactor/container.h"
#include "reactor/http1_reply.h"
#include "reactor/loop.h"
#include "reactor/memory_body.h"

#include <stdlib.h>

#define COPIED 16384u /* a longer body is not copied into the output queue, but sent from where it is */

void call_init(struct call *call, struct request *request, const struct sluice_route *route) {
    call->handle.api = &handler_api;
    call->route = route;
    call->posts = request_loop(request)->posts;
    call->request = request;
    call->exchange = request->exchange;
    call->deferred = false;
    draft_init(&call->draft);
    arena_init(&call->texts);
}

void call_clean(struct call *call) {
    draft_drop(&call->draft);
    arena_free(&call->texts);
}

static void client_left(struct request *request) {
    struct call *call = request->state;
    atomic_store_explicit(&call->left, true, memory_order_relaxed);
}

struct call *call_new(struct request *request, const struct sluice_route *route) {
    struct posts *posts = request_loop(request)->posts;
    if (!posts_join(posts))
        return NULL;
    struct call *call = malloc(sizeof(*call));
    struct exchange *exchange = call ? exchange_hold(request) : NULL;
    if (!exchange) {
        free(call);
        posts_leave(posts);
        return NULL;
    }
    call_init(call, request, route);
    call->request = NULL;
    call->loop = request_loop(request);
    call->stats = &http_of(call->loop->http)->stats;
    call->owner = request_handle(request);
    call->route_copy = *route;
    call->route = &call->route_copy;
    atomic_init(&call->left, false);
    call->holders = 1;
    /* Only the loop may make these, so now. */
    request_id_ensure(exchange);
    conn_peer_text(request->conn, call->peer, sizeof(call->peer));
    request->state = call;
    request->cleanup = client_left;
    return call;
}

void call_release(struct call *call) {
    if (--call->holders > 0)
        return;
    call_clean(call);
    exchange_end(call->exchange);
    posts_leave(call->posts);
    free(call);
}

void call_run(struct call *call) {
    const struct sluice_route *route = call->route;
    if (!route->before || route->before(&call->handle, route->user) == 0)
        route->handler(&call->handle, route->user);
    if (!call->deferred && route->after)
        route->after(&call->handle, route->user);
}

/* ---- sending ----------------------------------------------------------------------------------- */

static void put_fields(struct http1_reply *reply, const struct draft *draft) {
    http1_reply_lines(reply, span_of(draft->type, draft->type_n));
    http1_reply_lines(reply, span_of(draft->fields, draft->fields_n));
    if (draft->retry && !draft->retry_said)
        http1_reply_number(reply, "Retry-After", 1);
}

static void send_bytes(struct http1_reply *reply, struct draft *draft) {
    if (!draft->owned || draft->size <= COPIED) {
        http1_reply_bytes(reply, span_of(draft_at(draft), draft->size));
        return;
    }
    struct body *body = memory_body_new(reply->request, draft->owned, draft->size);
    if (!body) {
        request_fail(reply->request, STATUS_BUSY, "no memory for the reply (bytes_total); try again");
        return;
    }
    draft->owned = NULL;
    http1_reply_body(reply, draft->size, body);
}

static void send_stream(struct http1_reply *reply, struct draft *draft) {
    struct body *body = draft->kind == DRAFT_CHANNEL ? channel_body(draft->channel, reply->request)
                                                     : pulled_body_new(reply->request, &draft->source);
    if (!body) {
        request_fail(reply->request, STATUS_BUSY, "no memory for the reply; try again");
        return;
    }
    draft->kind = DRAFT_BYTES; /* it is the body's now */
    http1_reply_stream(reply, body);
}

void call_send(struct call *call, struct request *request) {
    struct draft *draft = &call->draft;
    struct http1_reply reply;
    if (draft->status == 0)
        draft_error(draft, 500, "the handler did not reply");
    http1_reply_begin(&reply, request, draft->status);
    put_fields(&reply, draft);
    if (draft->status == 204 || draft->status == 304)
        http1_reply_empty(&reply, UINT64_MAX);
    else if (draft->status == 205) /* RFC 9110, 15.3.6 */
        http1_reply_empty(&reply, 0);
    else if (http1_reply_is_head(request->exchange))
        http1_reply_empty(&reply, draft->kind == DRAFT_BYTES ? draft->size : UINT64_MAX);
    else if (draft->kind == DRAFT_BYTES)
        send_bytes(&reply, draft);
    else
        send_stream(&reply, draft);
}

/* ---- late replies ------------------------------------------------------------------------------ */

/* On the loop. */
static void reply_late(struct post *post) {
    struct call *call = CONTAINER_OF(post, struct call, post);
    struct request *request = request_find(call->loop, call->owner);
    call->stats->handlers_late++;
    if (request)
        call_send(call, request);
    call_release(call);
}

struct sluice_request *call_defer(struct sluice_request *handle) {
    struct call *call = call_of(handle);
    struct call *late = call;
    if (call->deferred)
        return NULL;
    if (!call->request) {
        call->holders++;
    } else if ((late = call_new(call->request, call->route))) {
        late->draft = call->draft;
        draft_init(&call->draft);
    } else {
        return NULL;
    }
    call->deferred = late->deferred = true;
    late->post.run = reply_late;
    return &late->handle;
}

void call_finish(struct sluice_request *handle) {
    struct call *call = call_of(handle);
    if (call->route->after)
        call->route->after(handle, call->route->user);
    if (!posts_send(call->posts, &call->post)) { /* the loop has ended, and may be gone */
        call->exchange->loop = NULL;
        call_release(call);
    }
}
