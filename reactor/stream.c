#include "reactor/stream.h"

#include "proto/fdqueue.h"
#include "reactor/closing.h"
#include "reactor/container.h"
#include "reactor/loop.h"
#include "reactor/unixsock.h"

#include <errno.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define RETRY_AFTER  0.05 /* seconds until a stream that found no buffer or descriptor tries again */
#define LINGER_AFTER 2.0  /* seconds a closed stream waits for its peer's EOF */

/* The loop's counters of connections and bytes are about clients only; other owners of streams count their own. */
static bool is_client(const struct stream *stream) {
    return stream->class->kind == FD_CLIENT;
}

static void update_watcher(struct stream *stream) {
    int events = (stream->reading ? EV_READ : 0) | (stream->writing ? EV_WRITE : 0);
    struct ev_loop *ev = stream->loop->ev;
    if (ev_is_active(&stream->io) && (stream->io.events & (EV_READ | EV_WRITE)) == events)
        return;
    ev_io_stop(ev, &stream->io);
    if (events == 0)
        return;
    ev_io_modify(&stream->io, events);
    ev_io_start(ev, &stream->io);
}

void stream_read(struct stream *stream, bool on) {
    stream->reading = on && !stream->eof && !stream->dying;
    update_watcher(stream);
}

/* ---- the lists of the loop: dirty, spent, dying ------------------------------------------------ */

void stream_wake(struct stream *stream) {
    if (stream->dirty || stream->dying)
        return;
    stream->dirty = true;
    stream->loop->dirty_count++;
    TAILQ_INSERT_TAIL(&stream->loop->dirty, stream, link);
}

void stream_clean(struct stream *stream) {
    struct loop *loop = stream->loop;
    if (!stream->dirty)
        return;
    if (stream->spent) {
        TAILQ_REMOVE(&loop->spent, stream, link);
    } else {
        TAILQ_REMOVE(&loop->dirty, stream, link);
        loop->dirty_count--;
    }
    stream->dirty = stream->spent = false;
}

static void put_off(struct stream *stream) {
    stream_clean(stream);
    stream->dirty = stream->spent = true;
    TAILQ_INSERT_TAIL(&stream->loop->spent, stream, link);
}

void stream_renew(struct loop *loop) {
    struct stream *stream;
    while ((stream = TAILQ_FIRST(&loop->spent))) {
        stream_clean(stream);
        stream_wake(stream);
    }
}

static void die(struct stream *stream) {
    if (stream->dying)
        return;
    stream_clean(stream);
    stream->dying = true;
    stream->reading = stream->writing = false;
    update_watcher(stream);
    TAILQ_INSERT_TAIL(&stream->loop->dying, stream, link);
}

/* ---- the ways to end --------------------------------------------------------------------------- */

void stream_abort(struct stream *stream) {
    if (stream->dying)
        return;
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    if (!stream->is_unix)
        setsockopt(stream->io.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    die(stream);
}

void stream_drop(struct stream *stream) {
    die(stream);
}

static void send_fin(struct stream *stream) {
    if (!stream->shut)
        shutdown(stream->io.fd, SHUT_WR);
    stream->shut = true;
}

void stream_shut(struct stream *stream) {
    stream->shutting = true;
    stream_wake(stream);
}

/* Everything is sent: sends FIN, and discards what the peer still sends until its EOF, because closing with unread
 * input would reset the connection and could destroy the last reply. */
static void finish(struct stream *stream) {
    if (stream->eof) {
        die(stream);
        return;
    }
    if (stream->lingering)
        return;
    stream->lingering = true;
    stream->raw = false;
    send_fin(stream);
    iobuf_drop(&stream->loop->inputs, &stream->in);
    deadline_clear(&stream->send_by);
    deadline_set(&stream->read_by, &stream->loop->linger_deadline);
    stream_read(stream, true);
}

void stream_close(struct stream *stream) {
    if (stream->closing || stream->dying)
        return;
    stream->closing = true;
    deadline_clear(&stream->read_by); /* no input is awaited any more */
    stream_wake(stream);
}

/* ---- sending ----------------------------------------------------------------------------------- */

int stream_send(struct stream *stream, struct span head, struct span rest, int fd, struct body *body) {
    if (stream->dying)
        return -ENOBUFS;
    int error = outq_append(&stream->out, &stream->loop->segments, head, rest, fd, body);
    if (error)
        return error;
    if (body) {
        body->stream = stream;
        body->count = NULL;
    }
    stream_wake(stream);
    return 0;
}

static bool sink_admit(void *owner, unsigned fds) {
    struct stream *stream = owner;
    return !stream->class->admit || stream->class->admit(stream, fds);
}

static void sink_passed(void *owner, unsigned fds) {
    struct stream *stream = owner;
    stream->loop->stats.fds_passed += fds;
    if (stream->class->passed)
        stream->class->passed(stream, fds);
}

/* What the kernel still holds for the peer, in its own unit: less than before means that the peer took something. */
static int send_queue(const struct stream *stream) {
    int amount = 0;
    return ioctl(stream->io.fd, SIOCOUTQ, &amount) == 0 ? amount : 0;
}

bool stream_is_delivered(const struct stream *stream) {
    return outq_is_empty(&stream->out) && (stream->is_unix || send_queue(stream) == 0);
}

static void watch_peer(struct stream *stream) {
    if (stream->no_send_timeout)
        return;
    stream->send_queue = send_queue(stream);
    deadline_set(&stream->send_by, &stream->loop->send_deadline);
}

static void after_flush(struct stream *stream, enum outq_result result, const struct outq_sink *sink) {
    struct loop *loop = stream->loop;
    bool waits_for_peer = result == OUTQ_BLOCKED || result == OUTQ_PAUSED;
    stream->writing = result == OUTQ_BLOCKED;
    update_watcher(stream);
    if (result == OUTQ_STARVED)
        deadline_set(&stream->send_by, &loop->send_retry_deadline);
    else if (waits_for_peer && (sink->sent || !stream->send_by.class))
        watch_peer(stream);
    else if (!waits_for_peer)
        deadline_clear(&stream->send_by);
    if (result == OUTQ_AGAIN && sink->budget == 0)
        put_off(stream);
    else if (result == OUTQ_AGAIN)
        stream_wake(stream);
    if (stream->closing && result == OUTQ_EMPTY) {
        finish(stream);
        return;
    }
    if (stream->shutting && result == OUTQ_EMPTY)
        send_fin(stream);
    stream->class->drained(stream);
}

/* The kernel's bound on descriptors in flight was reached before ours. */
static enum outq_result descriptors_refused(struct stream *stream) {
    struct loop *loop = stream->loop;
    double patience = loop->settings.timeout_send;
    fdwindow_refused(loop);
    if (stream->class->denied && stream->class->denied(stream))
        return OUTQ_AGAIN;
    if (stream->denials < UINT16_MAX)
        stream->denials++;
    return patience > 0 && stream->denials * RETRY_AFTER > patience ? OUTQ_BROKEN : OUTQ_STARVED;
}

/* Nothing more can be sent. */
static enum outq_result broken(struct stream *stream, int error) {
    struct loop *loop = stream->loop;
    if (stream->class->read_after_send_error && error != -ENODATA) {
        stream->send_failed = true;
        outq_drop(&stream->out, &loop->segments, &loop->ledger);
        return OUTQ_EMPTY;
    }
    if (is_client(stream))
        (*(error == -ENODATA ? &loop->stats.bodies_cut : &loop->stats.closed_broken))++;
    stream_abort(stream);
    return OUTQ_BROKEN;
}

void stream_flush(struct stream *stream) {
    struct loop *loop = stream->loop;
    struct outq_sink sink = {
        .fd = stream->io.fd,
        .is_tcp = !stream->is_unix,
        .budget = loop->settings.turn_bytes,
        .pool = &loop->segments,
        .ledger = &loop->ledger,
        .owner = stream,
        .admit = sink_admit,
        .passed = sink_passed,
    };
    if (stream->send_failed)
        outq_drop(&stream->out, &loop->segments, &loop->ledger);
    enum outq_result result = outq_flush(&stream->out, &sink);
    if (is_client(stream))
        loop->stats.bytes_out += sink.sent;
    stream->sent += sink.sent;
    if (stream->dying)
        return;
    if (sink.sent)
        stream->denials = 0;
    if (result == OUTQ_BROKEN && sink.error == -ETOOMANYREFS)
        result = descriptors_refused(stream);
    if (result == OUTQ_BROKEN)
        result = broken(stream, sink.error);
    if (result != OUTQ_BROKEN)
        after_flush(stream, result, &sink);
}

/* ---- the end ----------------------------------------------------------------------------------- */

void stream_bury(struct stream *stream) {
    struct loop *loop = stream->loop;
    int fd = stream->io.fd;
    deadline_clear(&stream->read_by);
    deadline_clear(&stream->send_by);
    outq_drop(&stream->out, &loop->segments, &loop->ledger);
    iobuf_drop(&loop->inputs, &stream->in);
    stream->held = stream->class->hold && loop->state < LOOP_DRAINING && stream->class->hold(stream);
    if (stream->held)
        return;
    stream->class->died(stream);
    ledger_close(&loop->ledger, fd);
}

void stream_bury_again(struct stream *stream) {
    if (!stream->held)
        return;
    stream->held = false;
    TAILQ_INSERT_TAIL(&stream->loop->dying, stream, link);
}

/* ---- descriptors that nobody asked for --------------------------------------------------------- */

/* A client sent descriptors on a kernel that cannot refuse them for us (before 6.16): they are in our table now, and
 * closing somebody else's file may sleep. */
static bool take_foreign(struct stream *stream, struct msghdr *message) {
    int fds[FDQUEUE_MESSAGE];
    unsigned count = 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < n && count < FDQUEUE_MESSAGE; i++)
            memcpy(&fds[count++], CMSG_DATA(c) + i * sizeof(int), sizeof(int));
    }
    if (count == 0)
        return false;
    stream->loop->stats.foreign_fds++;
    closing_start(stream->loop, fds, count);
    return true;
}

/* Takes the descriptors that came with a message. False: none may come here, or some were lost. */
static bool take_descriptors(struct stream *stream, struct msghdr *message) {
    if (stream->class->descriptors)
        return stream->class->descriptors(stream, message);
    return !take_foreign(stream, message) && !(message->msg_flags & MSG_CTRUNC);
}

/* ---- receiving --------------------------------------------------------------------------------- */

/* recv(2), or recvmsg(2) with room for descriptors where they cannot be refused. */
static ssize_t receive(struct stream *stream, void *room, size_t n) {
    if (!stream->control)
        return recv(stream->io.fd, room, n, MSG_DONTWAIT);
    char control[FDQUEUE_CONTROL];
    struct iovec iov = {room, n};
    struct msghdr message = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
    ssize_t got = recvmsg(stream->io.fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (got >= 0 && (message.msg_controllen > 0 || message.msg_flags & MSG_CTRUNC) &&
        !take_descriptors(stream, &message)) {
        errno = EPERM;
        return -1;
    }
    return got;
}

static void discard(struct stream *stream) {
    char waste[4096];
    for (int i = 0; i < 16; i++) {
        ssize_t n = receive(stream, waste, sizeof(waste));
        if (n > 0)
            continue;
        if (n == 0 || (errno != EAGAIN && errno != EINTR))
            die(stream);
        return;
    }
}

static void readable(struct stream *stream) {
    struct loop *loop = stream->loop;
    if (stream->lingering) {
        discard(stream);
        return;
    }
    if (stream->raw) {
        stream->class->input(stream);
        return;
    }
    if (iobuf_reserve(&loop->inputs, &stream->in, 0) != 0) {
        stream_read(stream, false);
        deadline_set(&stream->read_by, &loop->read_retry_deadline);
        return;
    }
    struct iobuf *in = stream->in;
    ssize_t n = receive(stream, in->data + in->received, in->size - in->received);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        iobuf_settle(&loop->inputs, &stream->in);
        return;
    }
    if (n < 0 || (n == 0 && stream->send_failed)) { /* the failed send has consumed the error of a reset */
        loop->stats.closed_broken += is_client(stream);
        stream_abort(stream);
        return;
    }
    if (is_client(stream))
        loop->stats.bytes_in += (uint64_t)n;
    stream->received += (uint64_t)n;
    in->received += (uint32_t)n;
    if (n == 0) {
        stream->eof = true;
        stream_read(stream, false);
    }
    stream->class->input(stream);
    loop_relieve(loop);
}

static void on_event(struct ev_loop *ev, ev_io *io, int events) {
    (void)ev;
    struct stream *stream = (struct stream *)(void *)io;
    if (stream->dying)
        return;
    if (events & EV_WRITE)
        stream_wake(stream);
    if (events & EV_READ && stream->reading)
        readable(stream);
}

/* ---- deadlines --------------------------------------------------------------------------------- */

static struct stream *by_read(struct deadline *deadline) {
    return CONTAINER_OF(deadline, struct stream, read_by);
}

static struct stream *by_send(struct deadline *deadline) {
    return CONTAINER_OF(deadline, struct stream, send_by);
}

static void read_retry(struct deadline *deadline) {
    stream_read(by_read(deadline), true);
}

static void linger_over(struct deadline *deadline) {
    die(by_read(deadline));
}

static void send_retry(struct deadline *deadline) {
    stream_wake(by_send(deadline));
}

static void send_over(struct deadline *deadline) {
    struct stream *stream = by_send(deadline);
    if (stream->no_send_timeout)
        return;
    /* A socket is writable only when a third of its buffer is free; a slow peer may need longer to free that much. */
    if (send_queue(stream) < stream->send_queue) {
        watch_peer(stream);
        return;
    }
    stream->loop->stats.closed_send += is_client(stream);
    stream_abort(stream);
}

void stream_deadlines_init(struct loop *loop) {
    struct deadlines *all = &loop->deadlines;
    deadlines_add(all, &loop->read_retry_deadline, RETRY_AFTER, read_retry);
    deadlines_add(all, &loop->linger_deadline, LINGER_AFTER, linger_over);
    deadlines_add(all, &loop->send_retry_deadline, RETRY_AFTER, send_retry);
    deadlines_add(all, &loop->send_deadline, loop->settings.timeout_send, send_over);
}

void stream_init(struct stream *stream, struct loop *loop, const struct stream_class *class, int fd,
                 bool is_unix) {
    stream->loop = loop;
    stream->class = class;
    stream->in = NULL;
    stream->is_unix = is_unix;
    stream->control = is_unix && (class->descriptors || !unixsock_refuse_fds(fd));
    outq_init(&stream->out);
    ev_io_init(&stream->io, on_event, fd, EV_READ);
    stream->reading = true;
    ev_io_start(loop->ev, &stream->io);
}
