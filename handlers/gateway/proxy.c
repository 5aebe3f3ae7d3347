#include "handlers/gateway/proxy.h"

#include "handlers/gateway/errand.h"
#include "handlers/gateway/forward.h"
#include "handlers/gateway/gateway.h"
#include "handlers/gateway/hashkey.h"
#include "handlers/gateway/replay.h"
#include "handlers/gateway/upconn.h"
#include "handlers/gateway/upstream.h"
#include "offload/clock.h"
#include "proto/http1_response.h"
#include "reactor/conn.h"
#include "reactor/container.h"
#include "reactor/http1_reply.h"
#include "reactor/loop.h"
#include "reactor/relay.h"

#include <errno.h>
#include <stdlib.h>

#define SEND_MARK (64u * 1024) /* bytes queued for a server, above which the client is not read */

static struct proxy *proxy_of(struct errand *errand) {
    return (struct proxy *)(void *)errand;
}

/* ---- the end ----------------------------------------------------------------------------------- */

static void let_go(struct proxy *proxy, bool reset) {
    struct upconn *conn = proxy->conn;
    proxy->conn = NULL;
    if (conn)
        upconn_end(conn, reset);
}

void proxy_book(struct proxy *proxy, enum endpoint_result result) {
    if (proxy->errand.endpoint)
        endpoint_book(proxy->errand.endpoint, proxy->errand.era, result, proxy->status);
}

/* Nothing of it is left; the request is the caller's to end. */
static void discard(struct proxy *proxy) {
    deadline_clear(&proxy->phase_by);
    deadline_clear(&proxy->total_by);
    let_go(proxy, true);
    proxy->route->stats.open--;
    errand_end(&proxy->errand);
    proxy->request->state = NULL;
    proxy->request->cleanup = NULL;
    free(proxy);
}

void proxy_finish(struct proxy *proxy, bool good) {
    route_book(proxy->route, proxy->era, good ? proxy->status : 0, good && proxy->status < 500,
               clock_ns() - proxy->started_ns);
    discard(proxy);
}

/* The client does not want it any more. */
void proxy_abandon(struct proxy *proxy) {
    proxy_book(proxy, ENDPOINT_UNKNOWN);
    breaker_abandon(&proxy->route->breaker, proxy->era);
    proxy->route->stats.left++;
    discard(proxy);
}

static void client_left(struct request *request) {
    proxy_abandon(request->state);
}

void proxy_log(const struct proxy *proxy, const char *event, const char *reason) {
    const struct endpoint *endpoint = proxy->errand.endpoint;
    log_warn(gateway_of(proxy)->loop->log, event,
             log_text("upstream", proxy->route->upstream->settings->name), log_text("server", endpoint->text),
             log_text("route", proxy->route->title), log_text("reason", reason));
}

/* Answers for the upstream. */
static void fail(struct proxy *proxy, int status, const char *text) {
    struct request *request = proxy->request;
    struct gateway_stats *stats = &gateway_of(proxy)->stats;
    if (proxy->errand.endpoint)
        proxy_log(proxy, "request failed", text);
    if (status == 504)
        stats->late++;
    else if (status == 502)
        stats->bad_gateway++;
    proxy_finish(proxy, false);
    http1_reply_error(request, status,
                      status == 504   ? "TIMEOUT"
                      : status == 503 ? "UNAVAILABLE"
                                      : "BAD_GATEWAY",
                      text);
}

/* ---- the request's way up ---------------------------------------------------------------------- */

/* All of the request is on its way: now the server has to answer. */
static void request_complete(struct proxy *proxy) {
    deadline_set(&proxy->phase_by, &proxy->errand.upstream->first_byte);
}

/* Queues bytes of the body, framed. */
static int send_body(struct proxy *proxy, struct span data) {
    char head[CHUNKED_HEAD_MAX];
    struct stream *stream = &proxy->conn->stream;
    if (proxy->framing.body != HTTP1_BODY_CHUNKED || proxy->upgraded)
        return stream_send(stream, data, span_of(NULL, 0), -1, NULL);
    int error = stream_send(stream, span_of(head, chunked_head(head, data.n)), data, -1, NULL);
    return error ? error : stream_send(stream, span_of("\r\n", 2), span_of(NULL, 0), -1, NULL);
}

static int send_last(struct proxy *proxy) {
    if (proxy->framing.body != HTTP1_BODY_CHUNKED)
        return 0;
    return stream_send(&proxy->conn->stream, span_text(CHUNKED_LAST), span_of(NULL, 0), -1, NULL);
}

/* 0, -ENOBUFS: no memory, -EMSGSIZE: the head does not fit. */
static int send_request(struct proxy *proxy) {
    struct gateway *gateway = gateway_of(proxy);
    struct forward_client client;
    struct http1_writer writer;
    const struct conn *conn = proxy->request->conn;
    peer_address(&conn->peer->key, conn->host, client.address);
    client.server = endpoint_host(proxy->errand.endpoint);
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

static void got(struct errand *errand, struct upconn *idle, int fd) {
    struct proxy *proxy = proxy_of(errand);
    struct endpoint *endpoint = errand->endpoint;
    struct upconn *conn = idle ? idle : upconn_new(endpoint, fd);
    if (!conn) {
        proxy_book(proxy, ENDPOINT_UNKNOWN);
        fail(proxy, 503, "no memory for a connection; try again");
        return;
    }
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
        fail(proxy, error == -EMSGSIZE ? 431 : 503,
             error == -EMSGSIZE ? "the head is too long to be passed on"
                                : "no memory for the request; try again");
        return;
    }
    if (proxy->body_over)
        request_complete(proxy);
    else
        http1_resume(proxy->request);
}

static void no_connection(struct errand *errand, enum errand_failure failure) {
    struct proxy *proxy = proxy_of(errand);
    struct request *request = proxy->request;
    struct route *route = proxy->route;
    if (failure == ERRAND_REFUSED) {
        fail(proxy, 502, "no server took the connection");
    } else if (failure == ERRAND_SLOW) {
        fail(proxy, 504, "no server took the connection in time");
    } else if (failure == ERRAND_SHORT) {
        fail(proxy, 503, "no descriptor, memory or port for a connection; try again");
    } else {
        route->stats.refused += failure == ERRAND_CROWDED;
        proxy_finish(proxy, false);
        route_fallback(route, request,
                       failure == ERRAND_DOWN      ? "no server of this upstream is usable"
                       : failure == ERRAND_CROWDED ? "too many requests wait for this upstream"
                                                   : "no connection to this upstream became free in time");
    }
}

/* RFC 9110, 7.6.2: the last recipient that is allowed answers itself. True: it did. */
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
    proxy->era = route_enter(route);
    route->gateway->stats.proxied++;
    deadline_set(&proxy->total_by, &route->upstream->total);
    struct errand_wish wish = {.pooled = true, .quota = &route->quota};
    if (route->upstream->settings->balance == BALANCE_HASH)
        wish.key = hashkey_of(route->upstream->settings->hash_key, exchange, &request->conn->peer->key);
    errand_begin(&proxy->errand, route->upstream, &wish, got, no_connection);
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
            deadline_set(&proxy->phase_by, &proxy->errand.upstream->idle);
        return 0;
    }
    if (proxy->upgraded)
        deadline_set(&proxy->phase_by, &proxy->errand.upstream->upgraded);
    else if (!proxy->replied)
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
    if (proxy->upgraded) {
        stream_shut(&proxy->conn->stream);
        return;
    }
    if (send_last(proxy) != 0)
        stream_abort(&proxy->conn->stream);
    if (!proxy->replied)
        request_complete(proxy);
}

static void sink_cut(struct request *request) {
    struct proxy *proxy = request->state;
    if (!proxy->replied)
        proxy_abandon(
            proxy); /* the front end answers; after a reply it ends the connection, and so the relay */
}

const struct http_sink proxy_sink = {.data = sink_data, .end = sink_end, .cut = sink_cut};

void proxy_drained(struct proxy *proxy) {
    struct stream *stream = &proxy->conn->stream;
    if (!proxy->replied && !proxy->idempotent && proxy_has_sent(proxy))
        replay_drop(&proxy->replay, proxy->request->exchange); /* it will not be sent again */
    if (proxy->blocked && stream->out.bytes < SEND_MARK / 2) {
        proxy->blocked = false;
        if (!proxy->replied && !proxy->body_over)
            deadline_clear(&proxy->phase_by);
        http1_resume(proxy->request);
    }
}

/* ---- what goes wrong --------------------------------------------------------------------------- */

bool proxy_has_sent(const struct proxy *proxy) {
    return proxy->conn->stream.sent > proxy->sent_before;
}

/* Some of one; what came before the request is none. */
static bool has_answer(const struct proxy *proxy) {
    return proxy_has_sent(proxy) && proxy->conn->stream.received > proxy->received_before;
}

/* The connection is no more and no byte of an answer came: once more, or an error. */
static void unanswered(struct proxy *proxy, bool sent, int status, const char *text) {
    struct errand *errand = &proxy->errand;
    bool again =
        (!sent || proxy->idempotent) && replay_whole(&proxy->replay) && errand_may_retry(errand, sent);
    deadline_clear(&proxy->phase_by);
    if (!again) {
        fail(proxy, status, text);
        return;
    }
    errand->wish.pooled &= !proxy->reused; /* where one was stale, more may be */
    proxy->scan = (struct http1_scan){0};
    if (!errand_retry(errand, sent))
        fail(proxy, status, text);
}

/* The connection ended before the answer's head was there. */
static void lost(struct proxy *proxy, bool sent, bool answered) {
    struct endpoint *endpoint = proxy->errand.endpoint;
    if (answered) {
        endpoint->stats.failures++;
        proxy_book(proxy, ENDPOINT_BAD);
        fail(proxy, 502, "the server closed the connection inside the head of its answer");
        return;
    }
    if (proxy->reused) { /* the keep-alive race: no fault of the server's */
        proxy_book(proxy, ENDPOINT_UNKNOWN);
        endpoint->stats.health_fails += !sent;
        endpoint->stats.stale_reuse += sent;
    } else {
        endpoint->stats.failures++;
        proxy_book(proxy, ENDPOINT_BAD);
    }
    unanswered(proxy, sent, 502, "the server closed the connection without an answer");
}

static void learn_stale(struct proxy *proxy) {
    struct upconn *conn = proxy->conn;
    double now = loop_now(conn->stream.loop);
    if (proxy->reused && conn->stream.received == proxy->received_before)
        keepalive_closed(&conn->endpoint->keepalive, now - conn->since, now);
}

void proxy_cut_short(struct proxy *proxy) {
    bool sent = proxy_has_sent(proxy), answered = has_answer(proxy);
    learn_stale(proxy);
    let_go(proxy, false);
    lost(proxy, sent, answered);
}

void proxy_lost(struct proxy *proxy) {
    bool sent = proxy_has_sent(proxy), answered = has_answer(proxy);
    if (proxy->replied) {
        proxy->conn = NULL;
        relay_cut(&proxy->relay);
        return;
    }
    learn_stale(proxy);
    proxy->conn = NULL;
    lost(proxy, sent, answered);
}

void proxy_malformed(struct proxy *proxy, const char *reason) {
    struct endpoint *endpoint = proxy->errand.endpoint;
    endpoint->stats.malformed++;
    endpoint->stats.failures++;
    proxy_log(proxy, "malformed answer", reason);
    proxy_book(proxy, ENDPOINT_BAD);
    fail(proxy, 502, "the server's answer is malformed");
}

static struct proxy *by_phase(struct deadline *deadline) {
    return CONTAINER_OF(deadline, struct proxy, phase_by);
}

static void count_late(struct proxy *proxy) {
    struct endpoint *endpoint = proxy->errand.endpoint;
    if (!endpoint)
        return;
    endpoint->stats.timeouts++;
    endpoint->stats.failures++;
    proxy_book(proxy, ENDPOINT_BAD);
}

static void first_byte_over(struct deadline *deadline) {
    struct proxy *proxy = by_phase(deadline);
    bool sent = proxy_has_sent(proxy), answered = has_answer(proxy);
    count_late(proxy);
    let_go(proxy, true);
    if (answered)
        fail(proxy, 504, "the server did not finish the head of its answer in time");
    else
        unanswered(proxy, sent, 504, "the server did not answer in time");
}

/* Too late: an error, or, inside an answer, the end of the client's connection. */
static void give_up(struct proxy *proxy, const char *text) {
    if (!proxy->replied) {
        count_late(proxy);
        fail(proxy, 504, text);
        return;
    }
    proxy->errand.endpoint->stats.timeouts++;
    let_go(proxy, true);
    relay_cut(&proxy->relay);
}

/* Is the connection alive though nothing was heard? Bytes that are spliced, or wait for their receiver, do not come by
 * input. Where it is the client who does not take an answer, its own deadline counts. */
static bool is_alive(struct proxy *proxy) {
    const struct upconn *conn = proxy->conn;
    if (!conn)
        return false;
    uint64_t moved = proxy->relay.bytes + conn->stream.sent;
    bool unread = proxy->replied && !proxy->upgraded && !conn->stream.reading && !conn->stream.eof;
    bool alive = moved != proxy->moved || unread;
    proxy->moved = moved;
    return alive;
}

/* Inside a request that the server does not take, an answer or a tunnel. */
static void silence(struct deadline *deadline) {
    struct proxy *proxy = by_phase(deadline);
    struct upstream *upstream = proxy->errand.upstream;
    if (is_alive(proxy)) {
        deadline_set(&proxy->phase_by, proxy->upgraded ? &upstream->upgraded : &upstream->idle);
        return;
    }
    give_up(proxy, "the server did not take the request in time");
}

static void total_over(struct deadline *deadline) {
    struct proxy *proxy = CONTAINER_OF(deadline, struct proxy, total_by);
    give_up(proxy, "the request took too long");
}

void proxy_deadlines(struct upstream *upstream) {
    const struct upstream_settings *settings = upstream->settings;
    struct deadlines *all = &upstream->loop->deadlines;
    deadlines_add(all, &upstream->first_byte, settings->timeout_first_byte, first_byte_over);
    deadlines_add(all, &upstream->idle, settings->timeout_idle, silence);
    deadlines_add(all, &upstream->upgraded, settings->timeout_tunnel, silence);
    deadlines_add(all, &upstream->total, settings->timeout_total, total_over);
}
