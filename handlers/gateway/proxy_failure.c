#include "handlers/gateway/proxy_failure.h"

#include "handlers/gateway/gateway.h"
#include "handlers/gateway/proxy.h"
#include "handlers/gateway/upconn.h"
#include "handlers/gateway/upstream.h"
#include "reactor/container.h"
#include "reactor/http1_reply.h"
#include "reactor/loop.h"

/* ---- an answer in place of the upstream's -------------------------------------------------------- */

void proxy_log(const struct proxy *proxy, const char *event, const char *reason) {
    const struct endpoint *endpoint = proxy->checkout.endpoint;
    log_warn(gateway_of(proxy)->loop->log, event,
             log_text("upstream", proxy->route->upstream->settings->name), log_text("server", endpoint->text),
             log_text("route", proxy->route->title), log_text("reason", reason));
}

void proxy_fail(struct proxy *proxy, int status, const char *text) {
    struct request *request = proxy->request;
    struct gateway_stats *stats = &gateway_of(proxy)->stats;
    if (proxy->checkout.endpoint)
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

/* ---- the connection ends, or brings what is no answer ------------------------------------------- */

bool proxy_has_sent(const struct proxy *proxy) {
    return proxy->conn->stream.sent > proxy->sent_before;
}

/* Has part of an answer come? Bytes from before the request do not count. */
static bool has_answer(const struct proxy *proxy) {
    return proxy_has_sent(proxy) && proxy->conn->stream.received > proxy->received_before;
}

/* The connection has gone without a byte of an answer: tries again, or fails. */
static void unanswered(struct proxy *proxy, bool sent, int status, const char *text) {
    struct checkout *checkout = &proxy->checkout;
    bool again =
        (!sent || proxy->idempotent) && replay_whole(&proxy->replay) && checkout_may_retry(checkout, sent);
    deadline_clear(&proxy->phase_by);
    if (!again) {
        proxy_fail(proxy, status, text);
        return;
    }
    checkout->wish.pooled &= !proxy->reused; /* where one was stale, more may be */
    proxy->scan = (struct http1_scan){0};
    proxy->state = PROXY_CONNECTING;
    checkout_retry(checkout, sent);
}

/* The connection has ended before the answer's head was complete. */
static void lost(struct proxy *proxy, bool sent, bool answered) {
    struct endpoint *endpoint = proxy->checkout.endpoint;
    if (answered) {
        endpoint->stats.failures++;
        proxy_book(proxy, ENDPOINT_BAD);
        proxy_fail(proxy, 502, "the server closed the connection inside the head of its answer");
        return;
    }
    if (proxy->reused) { /* the keep-alive race: no fault of the server's */
        proxy_book(proxy, ENDPOINT_UNKNOWN);
        proxy->checkout.stale = true;
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
    proxy_let_go(proxy, false);
    lost(proxy, sent, answered);
}

void proxy_lost(struct proxy *proxy) {
    bool sent = proxy_has_sent(proxy), answered = has_answer(proxy);
    if (proxy_has_replied(proxy)) {
        proxy->conn = NULL;
        relay_cut(&proxy->relay);
        return;
    }
    learn_stale(proxy);
    proxy->conn = NULL;
    lost(proxy, sent, answered);
}

void proxy_malformed(struct proxy *proxy, const char *reason) {
    struct endpoint *endpoint = proxy->checkout.endpoint;
    endpoint->stats.malformed++;
    endpoint->stats.failures++;
    proxy_log(proxy, "malformed answer", reason);
    proxy_book(proxy, ENDPOINT_BAD);
    proxy_fail(proxy, 502, "the server's answer is malformed");
}

/* ---- deadlines ----------------------------------------------------------------------------------- */

static struct proxy *by_phase(struct deadline *deadline) {
    return CONTAINER_OF(deadline, struct proxy, phase_by);
}

static void count_late(struct proxy *proxy) {
    struct endpoint *endpoint = proxy->checkout.endpoint;
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
    proxy_let_go(proxy, true);
    if (answered)
        proxy_fail(proxy, 504, "the server did not finish the head of its answer in time");
    else
        unanswered(proxy, sent, 504, "the server did not answer in time");
}

/* It is too late: fails, or inside an answer cuts the client's connection. */
static void give_up(struct proxy *proxy, const char *text) {
    if (!proxy_has_replied(proxy)) {
        count_late(proxy);
        proxy_fail(proxy, 504, text);
        return;
    }
    proxy->checkout.endpoint->stats.timeouts++;
    proxy_let_go(proxy, true);
    relay_cut(&proxy->relay);
}

/* Is the connection alive although input() was not called? Bytes that are spliced, or wait for their receiver, do not
 * pass through it. If it is the client that does not take an answer, its own deadline decides. */
static bool is_alive(struct proxy *proxy) {
    const struct upconn *conn = proxy->conn;
    if (!conn)
        return false;
    uint64_t moved = proxy->relay.bytes + conn->stream.sent;
    bool unread = proxy->state == PROXY_ANSWERED && !conn->stream.reading && !conn->stream.eof;
    bool alive = moved != proxy->moved || unread;
    proxy->moved = moved;
    return alive;
}

/* Nothing has moved for too long, in SENDING, ANSWERED or UPGRADED. */
static void silence(struct deadline *deadline) {
    struct proxy *proxy = by_phase(deadline);
    if (is_alive(proxy)) {
        proxy_rearm(proxy);
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
