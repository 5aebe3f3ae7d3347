#include "reactor/outq.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

void outq_init(struct outq *queue) {
    TAILQ_INIT(&queue->segments);
    queue->bytes = 0;
    queue->fds_most = OUTQ_FDS;
}

/* ---- appending --------------------------------------------------------------------------------- */

static struct segment *add_segment(struct outq *queue, struct bufpool *pool) {
    struct segment *segment = bufpool_take(pool);
    if (!segment)
        return NULL;
    memset(segment, 0, offsetof(struct segment, fd));
    TAILQ_INSERT_TAIL(&queue->segments, segment, link);
    return segment;
}

static bool takes_message(const struct outq *queue, const struct segment *segment, size_t n, int fd) {
    if (!segment || segment->closed || segment->body || OUTQ_ROOM - segment->used < n)
        return false;
    return fd < 0 || (!segment->tail && segment->fds < queue->fds_most);
}

static size_t put_bytes(struct segment *segment, struct span *bytes) {
    size_t room = OUTQ_ROOM - segment->used;
    size_t n = bytes->n < room ? bytes->n : room;
    if (n) /* an empty span may have no address */
        memcpy(segment->data + segment->used, bytes->p, n);
    segment->used = (uint16_t)(segment->used + n);
    bytes->p += n;
    bytes->n -= n;
    return n;
}

static void drop_segment(struct outq *queue, struct bufpool *pool, struct segment *segment) {
    TAILQ_REMOVE(&queue->segments, segment, link);
    bufpool_give(pool, segment);
}

/* Undoes a half-appended message: everything behind last (NULL: everything) goes. */
static void cut_after(struct outq *queue, struct bufpool *pool, const struct segment *last) {
    struct segment *segment;
    while ((segment = TAILQ_LAST(&queue->segments, segment_list)) != last) {
        queue->bytes -= segment->used;
        drop_segment(queue, pool, segment);
    }
}

int outq_append(struct outq *queue, struct bufpool *pool, struct span head, struct span rest, int fd,
                struct body *body) {
    struct segment *last = TAILQ_LAST(&queue->segments, segment_list);
    struct segment *segment = last;
    if (!takes_message(queue, segment, head.n + rest.n, fd) && !(segment = add_segment(queue, pool)))
        return -ENOBUFS;
    if (fd >= 0) {
        segment->fd_at[segment->fds] = segment->used;
        segment->fd[segment->fds++] = fd;
    }
    for (;;) {
        queue->bytes += (uint32_t)put_bytes(segment, &head);
        queue->bytes += (uint32_t)put_bytes(segment, &rest);
        if (head.n + rest.n == 0)
            break;
        segment->closed = true; /* only a fresh segment can be too small */
        segment = add_segment(queue, pool);
        if (!segment) {
            cut_after(queue, pool, last);
            return -ENOBUFS;
        }
        segment->tail = true;
    }
    segment->body = body;
    return 0;
}

/* The segment's descriptors were sent with its first byte: the queue no longer holds them. */
static void release_fds(struct segment *segment, struct ledger *ledger) {
    for (unsigned i = 0; i < segment->fds; i++)
        ledger_release(ledger, segment->fd[i]);
    segment->fds = 0;
}

/* ---- other answers for descriptors that do not pass -------------------------------------------- */

/* Moves bytes [from, to) of a segment, and the body behind them, to the end of the queue. */
static int move_bytes(struct outq *queue, struct bufpool *pool, const struct segment *segment, size_t from,
                      size_t to, struct body *body) {
    if (from == to && !body)
        return 0;
    return outq_append(queue, pool, span_of(segment->data + from, to - from), span_of(NULL, 0), -1, body);
}

/* Appends everything in from to to. */
static void join(struct outq *to, struct outq *from) {
    TAILQ_CONCAT(&to->segments, &from->segments, link);
    to->bytes += from->bytes;
    from->bytes = 0;
}

int outq_redo(struct outq *queue, struct bufpool *pool, struct ledger *ledger, outq_redo_fn *redo,
              void *owner) {
    struct segment *segment = TAILQ_FIRST(&queue->segments);
    struct outq rest;
    size_t at = 0;
    unsigned i = 0;
    int error = 0;
    outq_init(&rest);
    join(&rest, queue);
    for (; i < segment->fds && !error; i++) {
        size_t start = segment->fd_at[i];
        error = move_bytes(queue, pool, segment, at, start, NULL);
        if (error)
            break;
        at = start + redo(owner, span_of(segment->data + start, segment->used - start), segment->fd[i]);
        assert(at <= segment->used);
    }
    for (; i < segment->fds; i++)
        ledger_release(ledger, segment->fd[i]);
    segment->fds = 0;
    if (!error)
        error = move_bytes(queue, pool, segment, at, segment->used, segment->body);
    if (!error) {
        rest.bytes -= segment->used;
        drop_segment(&rest, pool, segment);
    }
    join(queue, &rest);
    return error;
}

/* ---- sending ----------------------------------------------------------------------------------- */

static void put_control(struct msghdr *message, void *room, const struct segment *segment) {
    size_t bytes = segment->fds * sizeof(int);
    message->msg_control = room;
    message->msg_controllen = CMSG_SPACE(bytes);
    struct cmsghdr *control = CMSG_FIRSTHDR(message);
    control->cmsg_level = SOL_SOCKET;
    control->cmsg_type = SCM_RIGHTS;
    control->cmsg_len = CMSG_LEN(bytes);
    memcpy(CMSG_DATA(control), segment->fd, bytes);
}

/* One sendmsg of the segment's bytes and a piece of its body. Returns bytes sent, or -errno. */
static ssize_t send_segment(struct segment *segment, const struct piece *piece, struct outq_sink *sink,
                            int flags) {
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(OUTQ_FDS * sizeof(int))];
    } control;
    struct iovec iov[2] = {{segment->data + segment->sent, (size_t)(segment->used - segment->sent)}};
    struct msghdr message = {.msg_iov = iov, .msg_iovlen = 1};
    if (piece && piece->kind == PIECE_BYTES) {
        iov[1] = (struct iovec){(void *)(uintptr_t)piece->p, piece->n};
        message.msg_iovlen = 2;
    }
    if (segment->fds)
        put_control(&message, &control, segment);
    ssize_t n;
    if (message.msg_iovlen == 1 && !segment->fds)
        n = send(sink->fd, iov[0].iov_base, iov[0].iov_len, MSG_NOSIGNAL | MSG_DONTWAIT | flags);
    else
        n = sendmsg(sink->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT | flags);
    if (n < 0)
        return -errno;
    if (segment->fds) {
        if (sink->passed)
            sink->passed(sink->owner, segment->fds);
        release_fds(segment, sink->ledger);
    }
    return n;
}

/* sendfile(2) has no MSG_MORE: corking fills the last packet of a piece with the first bytes of the next. On loopback a
 * MiB leaves in 17 packets then instead of 20. */
static void cork(struct segment *segment, int fd, bool on) {
    int value = on;
    segment->corked = on;
    setsockopt(fd, IPPROTO_TCP, TCP_CORK, &value, sizeof(value));
}

/* Moves a piece that stays in the kernel. Returns bytes, 0 at the end of a file that shrank, or -errno. */
static ssize_t send_kernel_piece(struct segment *segment, const struct piece *piece, struct outq_sink *sink) {
    ssize_t n;
    if (piece->kind == PIECE_FILE) {
        if (piece->more && sink->is_tcp && !segment->corked)
            cork(segment, sink->fd, true);
        off_t offset = (off_t)piece->offset;
        n = sendfile(sink->fd, piece->fd, &offset, piece->n);
    } else {
        unsigned flags = SPLICE_F_MOVE | SPLICE_F_NONBLOCK | (piece->more ? SPLICE_F_MORE : 0);
        n = splice(piece->fd, NULL, sink->fd, NULL, piece->n, flags);
    }
    return n < 0 ? -errno : n;
}

static enum outq_result result_of(ssize_t n, struct outq_sink *sink) {
    if (n == -EAGAIN || n == -EWOULDBLOCK || n == -EINTR)
        return OUTQ_BLOCKED;
    sink->error = n == 0 ? -ENODATA : (int)n;
    return OUTQ_BROKEN;
}

static void account(struct outq_sink *sink, size_t n) {
    sink->sent += n;
    sink->budget = sink->budget > n ? sink->budget - n : 0;
}

static void body_sent(struct body *body, size_t n) {
    if (body->count)
        *body->count += n;
    body->class->sent(body, n);
}

/* Sends the bytes of the first segment and, with them, the start of its body. OUTQ_EMPTY: it made progress, go on. */
static enum outq_result flush_bytes(struct outq *queue, struct segment *segment, struct piece *piece,
                                    struct outq_sink *sink) {
    if (segment->fds && sink->admit && !sink->admit(sink->owner, segment->fds))
        return OUTQ_PAUSED;
    size_t bytes = (size_t)(segment->used - segment->sent);
    bool kernel_piece = piece && (piece->kind == PIECE_FILE || piece->kind == PIECE_PIPE);
    ssize_t n = send_segment(segment, piece, sink, kernel_piece ? MSG_MORE : 0);
    if (n < 0)
        return result_of(n, sink);
    account(sink, (size_t)n);
    size_t of_segment = (size_t)n < bytes ? (size_t)n : bytes;
    segment->sent = (uint16_t)(segment->sent + of_segment);
    queue->bytes -= (uint32_t)of_segment;
    segment->closed = true;
    if ((size_t)n > bytes)
        body_sent(segment->body, (size_t)n - bytes);
    size_t asked = bytes + (piece && piece->kind == PIECE_BYTES ? piece->n : 0);
    return (size_t)n < asked ? OUTQ_BLOCKED : OUTQ_EMPTY;
}

static enum outq_result flush_piece(struct segment *segment, struct piece *piece, struct outq_sink *sink) {
    ssize_t n;
    if (piece->kind == PIECE_BYTES) {
        n = send(sink->fd, piece->p, piece->n, MSG_NOSIGNAL | MSG_DONTWAIT | (piece->more ? MSG_MORE : 0));
        n = n < 0 ? -errno : n;
    } else {
        n = send_kernel_piece(segment, piece, sink);
    }
    if (n <= 0)
        return result_of(n, sink);
    account(sink, (size_t)n);
    body_sent(segment->body, (size_t)n);
    return (size_t)n < piece->n && piece->kind == PIECE_BYTES ? OUTQ_BLOCKED : OUTQ_EMPTY;
}

/* One step on the first segment. OUTQ_EMPTY: it made progress, go on. */
static enum outq_result flush_first(struct outq *queue, struct outq_sink *sink) {
    struct segment *segment = TAILQ_FIRST(&queue->segments);
    struct body *body = segment->body;
    struct piece piece = {.kind = PIECE_END};
    bool bytes = segment->sent < segment->used;
    if (body)
        body->class->next(body, &piece);
    if (piece.n > sink->budget) {
        piece.n = sink->budget;
        piece.more = true;
    }
    bool waiting = piece.kind == PIECE_WAIT || piece.kind == PIECE_STARVED;
    if (waiting && bytes && !segment->held) {
        segment->held = true; /* a job that finishes on the spot brings the piece within this turn */
        return OUTQ_AGAIN;
    }
    if (bytes)
        return flush_bytes(queue, segment, &piece, sink);
    switch (piece.kind) {
    case PIECE_WAIT:
        return OUTQ_WAITING;
    case PIECE_STARVED:
        return OUTQ_STARVED;
    case PIECE_FAIL:
        sink->error = -ENODATA;
        return OUTQ_BROKEN;
    case PIECE_END:
        if (segment->corked)
            cork(segment, sink->fd, false);
        segment->body = NULL;
        drop_segment(queue, sink->pool, segment);
        if (body)
            body->class->end(body, true);
        return OUTQ_EMPTY;
    default:
        return flush_piece(segment, &piece, sink);
    }
}

enum outq_result outq_flush(struct outq *queue, struct outq_sink *sink) {
    while (!TAILQ_EMPTY(&queue->segments)) {
        if (sink->budget == 0)
            return OUTQ_AGAIN;
        enum outq_result result = flush_first(queue, sink);
        if (result != OUTQ_EMPTY)
            return result;
    }
    return OUTQ_EMPTY;
}

void outq_drop(struct outq *queue, struct bufpool *pool, struct ledger *ledger) {
    struct segment *segment;
    while ((segment = TAILQ_FIRST(&queue->segments))) {
        struct body *body = segment->body;
        release_fds(segment, ledger);
        drop_segment(queue, pool, segment);
        if (body)
            body->class->end(body, false);
    }
    queue->bytes = 0;
}
