#include "handlers/gateway/proxy.h"

#include "handlers/gateway/gateway.h"
#include "handlers/gateway/hashkey.h"
#include "handlers/gateway/proxy_failure.h"
#include "handlers/gateway/replay.h"
#include "handlers/gateway/upconn.h"
#include "handlers/gateway/upstream.h"
#include "offload/clock.h"
#include "reactor/conn.h"
#include "reactor/http1_reply.h"
#include "reactor/loop.h"

#include <errno.h>
#include <stdlib.h>

#define SEND_MARK (64u * 1024) /* bytes queued for a server, above which the client is not read */

static struct proxy *proxy_of(struct checkout *checkout) {
    return (struct proxy *)(void *)checkout;
}

static struct deadline_class *phase_class(const struct proxy *proxy) {
    struct upstream *upstream = proxy->checkout.upstream;
    switch (proxy->state) {
    case PROXY_AWAITING:
        return &upstream->first_byte;
    case PROXY_UPGRADED:
        return &upstream->upgraded;
    default:
        return &upstream->idle;
    }
}

void proxy_rearm(struct proxy *proxy) {
    deadline_set(&proxy->phase_by, phase_class(proxy));
}

/* ---- the end ----------------------------------------------------------------------------------- */

void proxy_let_go(struct proxy *proxy, bool reset) {
    struct upconn *conn = proxy->conn;
    proxy->conn = NULL;
    if (conn)
        upconn_end(conn, reset);
}

void proxy_book(struct proxy *proxy, enum endpoint_result result) {
    if (proxy->checkout.endpoint)
        endpoint_book(proxy->checkout.endpoint, proxy->checkout.epoch, result, proxy->status);
}

/* Frees everything; the caller has to end the request. */
static void discard(struct proxy *proxy) {
    deadline_clear(&proxy->phase_by);
    deadline_clear(&proxy->total_by);
    proxy_let_go(proxy, true);
    proxy->route->stats.open--;
    checkout_end(&proxy->checkout);
    proxy->request->state = NULL;
    proxy->request->cleanup = NULL;
    free(proxy);
}

void proxy_finish(struct proxy *proxy, bool good) {
    route_book(proxy->route, proxy->epoch, good ? proxy->status : 0, good && proxy->status < 500,
               clock_ns() - proxy->started_ns);
    discard(proxy);
}

void proxy_abandon(struct proxy *proxy) {
    proxy_book(proxy, ENDPOINT_UNKNOWN);
    breaker_abandon(&proxy->route->breaker, proxy->epoch);
    proxy->route->stats.left++;
    discard(proxy);
}

static void client_left(struct request *request) {
    proxy_abandon(request->state);
}

/* ---- the request's way up ---------------------------------------------------------------------- */

/* All of the request was queued: now the server has to answer. */
static void request_complete(struct proxy *proxy) {
    proxy->state = PROXY_AWAITING;
    proxy_rearm(proxy);
}

/* Queues bytes of the body, framed. */
static int send_body(struct proxy *proxy, struct span data) {
    char head[CHUNKED_HEAD_MAX];
    struct stream *stream = &proxy->conn->stream;
    if (proxy->framing.body != HTTP1_BODY_CHUNKED || proxy->state == PROXY_UPGRADED)
        return stream_send(stream, data, span_of(NULL, 0), -1, NULL);
    int error = stream_send(stream, span_of(head, chunked_head(head, data.n)), data, -1, NULL);
    return error ? error : stream_send(stream, span_of("\r\n", 2), span_of(NULL, 0), -1, NULL);
}

static int send_last(struct proxy *proxy) {
    if (proxy->framing.body != HTTP1_BODY_CHUNKED)
        return 0;
    return stream_send(&proxy->conn->stream, span_text(CHUNKED_LAST), span_of(NULL, 0), -1, NULL);
}

/* Queues the request. 0, -ENOBUFS: no memory, -EMSGSIZE: the head does not fit. */
static int send_request(struct proxy *proxy) {
    struct gateway *gateway = gateway_of(proxy);
    struct forward_client client;
    struct http1_writer writer;
    const struct conn *conn = proxy->request->conn;
    peer_address(&conn->peer->key, conn->host, client.address);
    client.server = endpoint_host(proxy->checkout.endpoint);
    http1_writer_init(&writer, gateway->request, FORWARD_ROOM);
    if (forward_request(&writer, proxy->route, proxy->request->exchange, &client, &proxy->framing) != 0)
        return -EMSGSIZE;
    int error =
        stream_send(&proxy->conn->stream, span_of(gateway->request, writer.n), span_of(NULL, 0), -1, NULL);
    struct span body = replay_bytes(proxy->request->exchange);
    if (!error && body.n > 0)
        error = send_body(proxy, body);
    if (!error && proxy->body_over && proxy->framing.body != HTTP1_BODY_NONE)
        error = send_last(proxy);
    return error;
}

static void got(struct checkout *checkout, struct upconn *idle, int fd) {
    struct proxy *proxy = proxy_of(checkout);
    struct endpoint *endpoint = checkout->endpoint;
    struct upconn *conn = idle ? idle : upconn_new(endpoint, fd);
    if (!conn) {
        proxy_book(proxy, ENDPOINT_UNKNOWN);
        proxy_fail(proxy, 503, "no memory for a connection; try again");
        return;
    }
    proxy->state = PROXY_SENDING;
    proxy->conn = conn;
    conn->proxy = proxy;
    conn->requests++;
    proxy->reused = idle != NULL;
    proxy->sent_before = conn->stream.sent;
    proxy->received_before = conn->stream.received;
    proxy->sent_ns = clock_ns();
    endpoint->stats.requests++;
    int error = send_request(proxy);
    if (error) {
        proxy_book(proxy, ENDPOINT_UNKNOWN);
        proxy_fail(proxy, error == -EMSGSIZE ? 431 : 503,
                   error == -EMSGSIZE ? "the head is too long to be passed on"
                                      : "no memory for the request; try again");
        return;
    }
    if (proxy->body_over)
        request_complete(proxy);
    else
        http1_resume(proxy->request);
}

static void no_connection(struct checkout *checkout, enum checkout_failure failure) {
    struct proxy *proxy = proxy_of(checkout);
    struct request *request = proxy->request;
    struct route *route = proxy->route;
    if (failure == CHECKOUT_REFUSED) {
        proxy_fail(proxy, 502, "no server took the connection");
    } else if (failure == CHECKOUT_SLOW) {
        proxy_fail(proxy, 504, "no server took the connection in time");
    } else if (failure == CHECKOUT_SHORT) {
        proxy_fail(proxy, 503, "no descriptor, memory or port for a connection; try again");
    } else {
        route->stats.refused += failure == CHECKOUT_CROWDED;
        proxy_finish(proxy, false);
        route_fallback(route, request,
                       failure == CHECKOUT_DOWN      ? "no server of this upstream is usable"
                       : failure == CHECKOUT_CROWDED ? "too many requests wait for this upstream"
                                                     : "no connection to this upstream became free in time");
    }
}

/* RFC 9110, 7.6.2: with Max-Forwards 0 the recipient answers itself. True: it did. */
static bool answer_here(struct request *request, const struct exchange *exchange, int64_t *forwards) {
    bool counts = exchange->head.method == HTTP1_TRACE || exchange->head.method == HTTP1_OPTIONS;
    *forwards = counts ? forward_max(exchange) : -1;
    if (*forwards != 0) {
        *forwards -= *forwards > 0;
        return false;
    }
    struct http1_reply reply;
    http1_reply_begin(&reply, request, exchange->head.method == HTTP1_TRACE ? 405 : 200);
    http1_reply_field(&reply, "Allow", span_text("GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH"));
    http1_reply_bytes(&reply, span_of(NULL, 0));
    return true;
}

void proxy_run(struct route *route, struct request *request, struct exchange *exchange) {
    const struct http1_framing *framing = &exchange->head.framing;
    int64_t forwards;
    if (answer_here(request, exchange, &forwards))
        return;
    struct proxy *proxy = calloc(1, sizeof(*proxy));
    if (!proxy) {
        request_fail(request, STATUS_BUSY, "no memory; try again");
        return;
    }
    proxy->request = request;
    proxy->route = route;
    proxy->method = exchange->head.method;
    proxy->started_ns = clock_ns();
    proxy->idempotent =
        http1_method_is_idempotent(proxy->method) || exchange_field(exchange, "Idempotency-Key").p;
    proxy->body_over = framing->body == HTTP1_BODY_NONE;
    proxy->framing = (struct forward_framing){.body = framing->body,
                                              .length = framing->length,
                                              .upgrade = forward_upgrades(exchange),
                                              .max_forwards = forwards};
    proxy->replay.limit = route->upstream->settings->retry_body;
    request->state = proxy;
    request->cleanup = client_left;
    request->conn->ordered = true;
    request->conn->alone |= proxy->framing.upgrade || !http1_method_is_safe(proxy->method);
    proxy->epoch = route_enter(route);
    route->gateway->stats.proxied++;
    deadline_set(&proxy->total_by, &route->upstream->total);
    struct checkout_wish wish = {.pooled = true, .quota = &route->quota};
    if (route->upstream->settings->balance == BALANCE_HASH)
        wish.key = hashkey_of(route->upstream->settings->hash_key, exchange, &request->conn->peer->key);
    checkout_begin(&proxy->checkout, route->upstream, &wish, got, no_connection);
}

/* ---- the request's body ------------------------------------------------------------------------ */

static size_t sink_data(struct request *request, struct span data) {
    struct proxy *proxy = request->state;
    if (!proxy->conn) {
        size_t kept = replay_keep_some(&proxy->replay, request->exchange, data);
        proxy->blocked = kept < data.n;
        return kept;
    }
    if (proxy->conn->stream.out.bytes >= SEND_MARK || proxy->conn->stream.dying) {
        proxy->blocked = true;
        if (!proxy->phase_by.class)
            proxy_rearm(proxy);
        return 0;
    }
    if (proxy->state == PROXY_UPGRADED)
        proxy_rearm(proxy);
    else if (proxy->state == PROXY_SENDING)
        replay_keep(&proxy->replay, request->exchange, data);
    if (send_body(proxy, data) != 0)
        stream_abort(&proxy->conn->stream);
    return data.n;
}

static void sink_end(struct request *request) {
    struct proxy *proxy = request->state;
    proxy->body_over = true;
    if (!proxy->conn)
        return;
    if (proxy->state == PROXY_UPGRADED) {
        stream_shut(&proxy->conn->stream);
        return;
    }
    if (send_last(proxy) != 0)
        stream_abort(&proxy->conn->stream);
    if (proxy->state == PROXY_SENDING)
        request_complete(proxy);
}

static void sink_cut(struct request *request) {
    struct proxy *proxy = request->state;
    /* The front end answers; after a reply it ends the connection, and so the relay. */
    if (!proxy_has_replied(proxy))
        proxy_abandon(proxy);
}

const struct http_sink proxy_sink = {.data = sink_data, .end = sink_end, .cut = sink_cut};

void proxy_drained(struct proxy *proxy) {
    struct stream *stream = &proxy->conn->stream;
    if (!proxy_has_replied(proxy) && !proxy->idempotent && proxy_has_sent(proxy))
        replay_drop(&proxy->replay, proxy->request->exchange); /* it will not be sent again */
    if (proxy->blocked && stream->out.bytes < SEND_MARK / 2) {
        proxy->blocked = false;
        if (proxy->state == PROXY_SENDING)
            deadline_clear(&proxy->phase_by);
        http1_resume(proxy->request);
    }
}
