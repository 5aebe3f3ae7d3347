#include "reactor/conn.h"

#include "proto/proxy_header.h"
#include "reactor/container.h"
#include "reactor/drain.h"
#include "reactor/front.h"
#include "reactor/listener.h"
#include "reactor/loop.h"

#include <assert.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>

#define LEFT_AFTER 0.25 /* seconds between checks of a client from which nothing is being read */

static struct conn *conn_of(struct stream *stream) {
    return (struct conn *)(void *)stream;
}

/* ---- limits ------------------------------------------------------------------------------------ */

uint64_t conn_handle(const struct conn *conn) {
    return slots_handle(&conn->stream.loop->conns, conn);
}

/* Is so much in hand for this client that further requests must wait unread? Whatever the cause, the stream is woken
 * when it ends. */
static bool is_full(struct conn *conn) {
    const struct loop *loop = conn->stream.loop;
    const struct bufpool *segments = &loop->segments;
    uint64_t replies = segments->lent < segments->limit / 2 ? loop->settings.turn_bytes : 0;
    return conn->alone || conn->stream.out.bytes > replies ||
           conn->memory >= loop->settings.bytes_connection ||
           (conn->window.paused && !fdwindow_settle(&conn->window)) ||
           (conn->holding > 0 && loop->extra_objects >= (uint32_t)loop->settings.open_files / 2) ||
           (conn->open > 0 && (conn->open - conn->waiting >= (uint32_t)loop->settings.pipeline ||
                               loop->extra_requests >= CONN_SHARED_REQUESTS));
}

bool conn_may_parse(struct conn *conn) {
    if (conn->stream.dying || conn->last)
        return false;
    if (!is_full(conn))
        return true;
    conn->paused = true;
    return false;
}

void conn_finish(struct conn *conn) {
    conn->last = true;
    if (conn->open == 0)
        stream_close(&conn->stream);
}

void conn_leave(struct conn *conn) {
    struct stream *stream = &conn->stream;
    conn->last = true;
    if (!stream->closing && stream_is_delivered(stream))
        stream_drop(stream);
    else
        stream_close(stream);
}

static bool is_http(const struct conn *conn) {
    return conn->front && conn->front->protocol == PROTOCOL_HTTP1;
}

bool conn_is_idle(const struct conn *conn) {
    int unread = 0;
    if (conn->open > 0 || conn->parsing || conn->stream.in)
        return false;
    return ioctl(stream_fd(&conn->stream), FIONREAD, &unread) != 0 || unread == 0;
}

/* Takes a token of a limit of `rate` requests a second; 0: no limit. */
static bool within_rate(const struct conn *conn, struct bucket *bucket, long rate) {
    long burst = conn->stream.loop->settings.rate_burst;
    return rate == 0 || bucket_take(bucket, (double)rate, (double)(burst ? burst : rate), conn->active);
}

bool conn_admit(struct conn *conn, struct request *request) {
    struct loop *loop = conn->stream.loop;
    const struct reactor_settings *settings = &loop->settings;
    loop->stats.requests++;
    if (conn->open > 1)
        loop->stats.requests_pipelined++;
    conn->total++;
    conn->active = loop_now(loop);
    if (!conn->receiving)
        deadline_clear(&conn->stream.read_by); /* in a steady pipeline, each message gets its own time */
    if (settings->requests_per_connection && conn->total >= settings->requests_per_connection)
        conn->last = true;
    if (loop->state >= LOOP_DRAINING) {
        request_fail(request, STATUS_SHUTTING_DOWN, "the server is shutting down");
        return false;
    }
    if (!within_rate(conn, &conn->rate, settings->rate_connection) ||
        !within_rate(conn, &conn->peer->rate, settings->rate_peer)) {
        request_fail(request, STATUS_RATE_LIMITED, "too many requests; try again later");
        return false;
    }
    return true;
}

/* ---- between requests -------------------------------------------------------------------------- */

static struct deadline_class *idle_class(const struct conn *conn) {
    struct loop *loop = conn->stream.loop;
    return is_http(conn) ? &loop->keep_alive_deadline : &loop->idle_deadline;
}

void conn_request_ended(struct conn *conn) {
    struct loop *loop = conn->stream.loop;
    if (conn->stream.dying)
        return;
    if (conn->open == 0) {
        conn->ordered = conn->alone = false;
        bool idle = !conn->parsing && !conn->stream.in;
        if (conn->last || (loop->state >= LOOP_DRAINING && conn_is_idle(conn))) {
            conn_finish(conn);
            return;
        }
        if (idle && conn->stream.reading) /* if not, the stream waits for a buffer to read into */
            deadline_set(&conn->stream.read_by, idle_class(conn));
    }
    if (conn->paused)
        stream_wake(&conn->stream); /* parse on in this turn's prepare hook */
}

void conn_watch_unread(struct conn *conn) {
    deadline_set(&conn->stream.read_by, &conn->stream.loop->unread_deadline);
}

/* Every complete message is parsed: what remains is the start of the next one, or nothing. */
static void set_read_deadline(struct conn *conn) {
    struct loop *loop = conn->stream.loop;
    struct deadline *deadline = &conn->stream.read_by;
    if (conn->stream.dying || conn->stream.closing)
        return;
    if (conn->receiving)
        return; /* the front end sets it anew with every progress */
    if (conn->stream.in && !conn->paused) {
        struct deadline_class *class = conn->front ? &loop->request_deadline : &loop->detect_deadline;
        if (!deadline_is(deadline, class))
            deadline_set(deadline, class);
    } else if (conn->open == 0) {
        deadline_set(deadline, idle_class(conn));
    } else if (!conn->stream.reading) {
        conn_watch_unread(conn);
    } else {
        deadline_clear(deadline);
    }
}

/* ---- the first bytes: PROXY header, protocol --------------------------------------------------- */

static void refuse_protocol(struct conn *conn, enum protocol protocol) {
    struct reactor_stats *stats = &conn->stream.loop->stats;
    switch (protocol) {
    case PROTOCOL_SLC1:
        stats->detect_slc++;
        break;
    case PROTOCOL_MCP1:
        stats->detect_mcp++;
        break;
    case PROTOCOL_JSON:
        stats->detect_rpc++;
        break;
    case PROTOCOL_HTTP1:
        stats->detect_http++;
        break;
    case PROTOCOL_HTTP2:
        stats->detect_http2++;
        break;
    case PROTOCOL_TLS:
        stats->detect_tls++;
        break;
    default:
        stats->detect_unknown++;
    }
    log_debug(conn->stream.loop->log, "protocol refused", log_text("protocol", protocol_name(protocol)));
    conn_finish(conn);
}

static void note_peer(struct conn *conn, const struct sockaddr *address) {
    peer_host(address, conn->host);
    if (address->sa_family == AF_INET) {
        conn->port = ntohs(((const struct sockaddr_in *)(const void *)address)->sin_port);
    } else if (address->sa_family == AF_INET6) {
        conn->port = ntohs(((const struct sockaddr_in6 *)(const void *)address)->sin6_port);
    } else {
        struct ucred credentials = {0};
        socklen_t size = sizeof(credentials);
        getsockopt(stream_fd(&conn->stream), SOL_SOCKET, SO_PEERCRED, &credentials, &size);
        conn->pid = (uint32_t)credentials.pid;
    }
}

/* The client becomes the one that a trusted proxy names. False: that one has too many connections, or no memory. */
static bool change_client(struct conn *conn, const struct sockaddr *address) {
    struct peer *peer = listener_change_client(conn->listener, conn->peer, address);
    if (!peer)
        return false;
    conn->peer = conn->window.peer = peer;
    note_peer(conn, address);
    return true;
}

/* Takes a trusted proxy's header, which names the client. It is required: if it could be missing, clients could forge
 * one. False: it is not complete yet, or the connection is over. */
static bool take_proxy_header(struct conn *conn) {
    struct proxy_header header;
    struct span bytes = iobuf_pending(conn->stream.in);
    struct verdict verdict = proxy_header_decode(bytes.p, bytes.n, &header);
    if (verdict.kind == VERDICT_MORE)
        return false;
    if (verdict.kind == VERDICT_BAD) {
        conn->stream.loop->stats.bad_frames++;
        stream_abort(&conn->stream);
        return false;
    }
    if (!header.local && !change_client(conn, (const struct sockaddr *)(const void *)&header.source)) {
        stream_abort(&conn->stream);
        return false;
    }
    iobuf_parsed(conn->stream.in, verdict.n);
    conn->expect_proxy = false;
    return iobuf_pending(conn->stream.in).n > 0;
}

/* True when the connection has a front end. */
static bool detect(struct conn *conn) {
    if (conn->front)
        return true;
    if (conn->expect_proxy && !take_proxy_header(conn))
        return false;
    struct span bytes = iobuf_pending(conn->stream.in);
    enum protocol protocol = detect_protocol(bytes.p, bytes.n, false);
    if (protocol == PROTOCOL_NONE)
        return false;
    if (protocol == PROTOCOL_HTTP2 && listener_offers(conn->listener, PROTOCOL_HTTP1)) {
        conn->stream.loop->stats.detect_http2++;
        protocol = PROTOCOL_HTTP1; /* whose parser answers the preface with 505 */
    }
    const struct front *front = conn->stream.loop->fronts[protocol];
    if (!front || !listener_offers(conn->listener, protocol)) {
        refuse_protocol(conn, protocol);
        return false;
    }
    conn->front = front;
    deadline_clear(&conn->stream.read_by);
    return true;
}

/* ---- the calls of the stream ------------------------------------------------------------------- */

/* Drops the client if it has left while nothing is being read from it. The end of its sending side does not mean that
 * (it may go on reading), and on TCP a close looks the same until something is sent; but poll(2) reports a reset, and
 * any close of a Unix socket. */
static bool drop_if_left(struct conn *conn) {
    struct pollfd ask = {.fd = stream_fd(&conn->stream)};
    if (poll(&ask, 1, 0) != 1 || !(ask.revents & (POLLHUP | POLLERR)))
        return false;
    conn->stream.loop->stats.closed_broken++;
    stream_abort(&conn->stream);
    return true;
}

/* The client ended its side: an incomplete message will never be complete, and if the client has left, nobody waits for
 * what is in hand. */
static void end_input(struct conn *conn) {
    conn->last = true;
    if (conn->open > 0 && drop_if_left(conn))
        return;
    if (conn->receiving)
        conn->front->stopped(conn);
}

static void parse(struct conn *conn) {
    struct stream *stream = &conn->stream;
    conn->paused = false;
    if (conn->receiving || (stream->in && !conn->last && detect(conn))) {
        conn->parsing = true;
        conn->front->parse(conn);
        conn->parsing = false;
    }
    if (stream->eof && !conn->paused)
        end_input(conn);
    bool over = conn->last && !conn->receiving;
    if (over)
        iobuf_drop(&stream->loop->inputs, &stream->in);
    else
        iobuf_settle(&stream->loop->inputs, &stream->in);
    if (conn->open == 0 && (conn->last || (stream->loop->state >= LOOP_DRAINING && conn_is_idle(conn))))
        conn_finish(conn);
    stream_read(stream, !conn->paused && !over);
    set_read_deadline(conn);
}

static void conn_input(struct stream *stream) {
    struct conn *conn = conn_of(stream);
    conn->active = loop_now(stream->loop);
    if (!conn->paused)
        parse(conn);
}

static void conn_drained(struct stream *stream) {
    struct conn *conn = conn_of(stream);
    if (conn->paused && (conn->receiving || !is_full(conn)))
        parse(conn);
}

static void abandon_requests(struct conn *conn) {
    struct request *request;
    while ((request = STAILQ_FIRST(&conn->requests)))
        request_abandon(request);
    while (!STAILQ_EMPTY(&conn->passing))
        request_passed(conn, 1);
}

static bool conn_hold(struct stream *stream) {
    abandon_requests(conn_of(stream));
    return stream->is_unix && fdwindow_hold(&conn_of(stream)->window);
}

static void conn_died(struct stream *stream) {
    struct conn *conn = conn_of(stream);
    struct loop *loop = stream->loop;
    abandon_requests(conn);
    if (conn->front && conn->front->closed)
        conn->front->closed(conn);
    fdwindow_close(&conn->window);
    double life = loop_now(loop) - conn->opened;
    histogram_add(&loop->stats.connection_life, (uint64_t)(life > 0 ? life * 1e9 : 0));
    histogram_add(&loop->stats.connection_requests, conn->total);
    loop->stats.closed++;
    listener_left(conn->listener, conn->peer);
    slots_give(&loop->conns, conn);
    drain_check(loop);
}

static bool conn_admit_fds(struct stream *stream, unsigned fds) {
    return fdwindow_admit(&conn_of(stream)->window, fds);
}

static void conn_passed_fds(struct stream *stream, unsigned fds) {
    struct conn *conn = conn_of(stream);
    fdwindow_passed(&conn->window, fds);
    request_passed(conn, fds);
}

static size_t redo(void *owner, struct span message, int fd) {
    struct request *request = request_take_back(owner);
    size_t n = request->reply_n; /* the request may end with its second reply */
    request->refused(request, message, fd);
    return n;
}

static bool conn_deny_fds(struct stream *stream) {
    struct conn *conn = conn_of(stream);
    struct loop *loop = stream->loop;
    const struct request *request = STAILQ_FIRST(&conn->passing);
    if (!request || !request->refused)
        return false;
    if (outq_redo(&stream->out, &loop->segments, &loop->ledger, redo, conn) != 0)
        stream_abort(stream);
    return true;
}

static const struct stream_class conn_class = {
    .kind = FD_CLIENT,
    .input = conn_input,
    .drained = conn_drained,
    .died = conn_died,
    .admit = conn_admit_fds,
    .passed = conn_passed_fds,
    .denied = conn_deny_fds,
    .hold = conn_hold,
};

/* ---- deadlines --------------------------------------------------------------------------------- */

static struct conn *conn_by_read(struct deadline *deadline) {
    return CONTAINER_OF(deadline, struct conn, stream.read_by);
}

static void detect_over(struct deadline *deadline) {
    struct conn *conn = conn_by_read(deadline);
    conn->stream.loop->stats.detect_timeout++;
    conn_finish(conn);
}

static void idle_over(struct deadline *deadline) {
    struct conn *conn = conn_by_read(deadline);
    conn->stream.loop->stats.closed_idle++;
    conn_finish(conn);
}

static void unread_over(struct deadline *deadline) {
    struct conn *conn = conn_by_read(deadline);
    if (!drop_if_left(conn))
        conn_watch_unread(conn);
}

static void request_over(struct deadline *deadline) {
    struct conn *conn = conn_by_read(deadline);
    conn->stream.loop->stats.closed_request++;
    conn->front->late(conn);
}

void conn_init_loop(struct loop *loop) {
    deadlines_add(&loop->deadlines, &loop->detect_deadline, loop->settings.timeout_detect, detect_over);
    deadlines_add(&loop->deadlines, &loop->idle_deadline, loop->settings.timeout_idle, idle_over);
    deadlines_add(&loop->deadlines, &loop->keep_alive_deadline, loop->settings.timeout_keep_alive, idle_over);
    deadlines_add(&loop->deadlines, &loop->request_deadline, loop->settings.timeout_request, request_over);
    deadlines_add(&loop->deadlines, &loop->unread_deadline, LEFT_AFTER, unread_over);
}

bool conn_open(struct loop *loop, struct listener *listener, int fd, struct peer *peer,
               const struct sockaddr *address) {
    struct conn *conn = slots_take(&loop->conns);
    if (!conn)
        return false;
    stream_init(&conn->stream, loop, &conn_class, fd, address->sa_family == AF_UNIX);
    conn->listener = listener;
    conn->peer = peer;
    conn->opened = conn->active = loop_now(loop);
    conn->window.stream = &conn->stream;
    conn->window.peer = peer;
    if (loop->settings.fd_window < OUTQ_FDS)
        conn->stream.out.fds_most = (uint32_t)loop->settings.fd_window;
    STAILQ_INIT(&conn->requests);
    STAILQ_INIT(&conn->passing);
    note_peer(conn, address);
    conn->expect_proxy = listener_expects_proxy(listener, address);
    loop->stats.accepted++;
    deadline_set(&conn->stream.read_by, &loop->idle_deadline);
    return true;
}

void conn_peer_text(const struct conn *conn, char *text, size_t size) {
    peer_text(&conn->peer->key, conn->host, conn->port, text, size);
}
