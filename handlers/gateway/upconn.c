#include "handlers/gateway/upconn.h"

#include "handlers/gateway/answer.h"
#include "handlers/gateway/endpoint.h"
#include "handlers/gateway/gateway.h"
#include "handlers/gateway/proxy.h"
#include "handlers/gateway/proxy_failure.h"
#include "handlers/gateway/upstream.h"
#include "reactor/loop.h"

#include <errno.h>
#include <stdlib.h>

static struct upconn *upconn_of(struct stream *stream) {
    return (struct upconn *)(void *)stream;
}

/* In the pool: the server has closed it. */
static void closed_at_rest(struct upconn *conn) {
    double now = loop_now(conn->stream.loop);
    conn->endpoint->stats.idle_closes++;
    keepalive_closed(&conn->endpoint->keepalive, now - conn->since, now);
}

/* In the pool: the server has closed it, or sent something unasked. */
static void input_at_rest(struct upconn *conn) {
    if (stream_pending(&conn->stream).n > 0)
        conn->endpoint->stats.stray_bytes++;
    else
        closed_at_rest(conn);
    upconn_end(conn, false);
}

static void count(struct upconn *conn) {
    gateway_count(conn->endpoint->upstream->gateway, &conn->stream, conn->counted);
}

static void input(struct stream *stream) {
    struct upconn *conn = upconn_of(stream);
    count(conn);
    if (conn->proxy)
        answer_input(conn->proxy);
    else
        input_at_rest(conn);
}

static void drained(struct stream *stream) {
    struct upconn *conn = upconn_of(stream);
    count(conn);
    if (conn->proxy)
        proxy_drained(conn->proxy);
}

/* Removes it from the pool, if it is there. */
static void leave_pool(struct upconn *conn) {
    struct endpoint *endpoint = conn->endpoint;
    if (!conn->idle)
        return;
    conn->idle = false;
    TAILQ_REMOVE(&endpoint->idle, conn, idle_link);
    endpoint->idle_count--;
}

static void died(struct stream *stream) {
    struct upconn *conn = upconn_of(stream);
    struct endpoint *endpoint = conn->endpoint;
    struct proxy *proxy = conn->proxy;
    if (conn->idle)
        closed_at_rest(conn); /* by a reset */
    leave_pool(conn);
    endpoint->open--;
    endpoint->stats.closes++;
    count(conn);
    conn->proxy = NULL;
    if (proxy)
        proxy_lost(proxy);
    free(conn);
    upstream_serve(endpoint->upstream);
}

static const struct stream_class upconn_class = {
    .kind = FD_UPSTREAM, .input = input, .drained = drained, .died = died, .read_after_send_error = true};

struct upconn *upconn_new(struct endpoint *endpoint, int fd) {
    struct loop *loop = endpoint->upstream->loop;
    struct upconn *conn = calloc(1, sizeof(*conn));
    if (!conn) {
        ledger_close(&loop->ledger, fd);
        return NULL;
    }
    conn->endpoint = endpoint;
    conn->opened = loop_now(loop);
    endpoint->open++;
    stream_init(&conn->stream, loop, &upconn_class, fd, endpoint->name.address.ss_family == AF_UNIX);
    conn->stream.no_send_timeout = true;
    return conn;
}

void upconn_end(struct upconn *conn, bool reset) {
    conn->proxy = NULL;
    leave_pool(conn);
    if (reset)
        stream_abort(&conn->stream);
    else
        stream_drop(&conn->stream);
}

bool upconn_is_stale(struct upconn *conn) {
    struct endpoint *endpoint = conn->endpoint;
    double now = loop_now(conn->stream.loop);
    char byte;
    ssize_t n = -1;
    errno = ECONNRESET;
    if (!conn->stream.dying)
        n = recv(stream_fd(&conn->stream), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN)
        return false;
    endpoint->stats.health_fails++;
    endpoint->stats.stray_bytes += n > 0;
    if (n <= 0)
        keepalive_closed(&endpoint->keepalive, now - conn->since, now);
    return true;
}
