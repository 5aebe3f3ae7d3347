#include "reactor/relay.h"

#include "reactor/loop.h"

#include <errno.h>
#include <fcntl.h>

#define BULK_AFTER 4u           /* full buffers in a row */
#define BULK_LEAST (64u * 1024) /* a shorter rest is not worth a pipe */

static struct relay *relay_of(struct body *body) {
    return (struct relay *)(void *)body;
}

static struct span pending_of(const struct relay *relay) {
    return relay->from ? stream_pending(relay->from) : span_of(NULL, 0);
}

static void give_pipe(struct relay *relay, struct loop *loop) {
    if (relay->pipe)
        offload_pipe_release(loop->offload, relay->pipe, relay->in_pipe == 0);
    relay->pipe = NULL;
    relay->in_pipe = 0;
}

/* Takes the framing off the bytes up to the next data of a chunk. */
static void decode(struct relay *relay) {
    struct span pending = pending_of(relay), rest = pending, data = {0};
    if (pending.n == 0)
        return;
    enum chunked_event event = chunked_decode(relay->chunked, &rest, &data);
    if (event == CHUNKED_DATA) {
        relay->left = data.n;
        rest = data;
    }
    relay->over = event == CHUNKED_END;
    relay->broken = event == CHUNKED_BAD;
    iobuf_parsed(relay->from->in, (size_t)(rest.p - pending.p));
}

/* Updates `over` and `broken` from what is pending. */
static void look(struct relay *relay) {
    if (relay->over || relay->broken)
        return;
    if (relay->chunked && relay->left == 0)
        decode(relay);
    else
        relay->over = relay->left == 0;
    if (!relay->over && pending_of(relay).n == 0 && relay->in_pipe == 0 &&
        (!relay->from || relay->from->eof)) {
        relay->over = relay->left == RELAY_REST && relay->from;
        relay->broken = !relay->over;
    }
}

/* Bulk: the bytes never come into our memory. True: some are in the pipe. */
static bool fill_pipe(struct relay *relay) {
    struct stream *from = relay->from;
    struct loop *loop = from->loop;
    if (!relay->pipe && !(relay->pipe = offload_pipe(loop->offload))) {
        from->raw = false;
        relay->full = 0;
        return false;
    }
    size_t want = relay->left < relay->pipe->size ? (size_t)relay->left : relay->pipe->size;
    ssize_t n =
        splice(stream_fd(from), NULL, relay->pipe->write_end, NULL, want, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    if (n > 0) {
        relay->in_pipe = (size_t)n;
        from->received += (uint64_t)n;
        return true;
    }
    bool later = n < 0 && (errno == EAGAIN || errno == EINTR);
    if (n == 0 && !from->send_failed) {
        from->eof = true;
        stream_read(from, false);
    } else if (!later) {
        relay->broken = true;
    }
    give_pipe(relay, loop);
    if (later) { /* a sender that is slower than the receiver: small pieces are cheaper to copy */
        from->raw = false;
        relay->full = 0;
    }
    return false;
}

static void next(struct body *body, struct piece *piece) {
    struct relay *relay = relay_of(body);
    look(relay);
    struct span pending = pending_of(relay);
    if (relay->in_pipe == 0 && pending.n == 0 && !relay->over && !relay->broken && relay->from->raw) {
        if (!fill_pipe(relay))
            look(relay);
    }
    *piece = (struct piece){.kind = PIECE_WAIT};
    if (relay->in_pipe > 0) {
        *piece = (struct piece){.kind = PIECE_PIPE, .fd = relay->pipe->read_end, .n = relay->in_pipe};
    } else if (relay->broken) {
        piece->kind = PIECE_FAIL;
    } else if (relay->over) {
        piece->kind = PIECE_END;
    } else if (pending.n > 0 && relay->left > 0) {
        size_t n = pending.n < relay->left ? pending.n : (size_t)relay->left;
        *piece = (struct piece){.kind = PIECE_BYTES, .p = pending.p, .n = n};
    } else {
        if (relay->from->in)
            iobuf_settle(&relay->from->loop->inputs, &relay->from->in); /* only framing was pending */
        stream_read(relay->from, true);
        if (relay->bursts)
            piece->kind = PIECE_END;
    }
}

static void sent(struct body *body, size_t n) {
    struct relay *relay = relay_of(body);
    struct stream *from = relay->from;
    relay->bytes += n;
    if (relay->left != RELAY_REST)
        relay->left -= n;
    if (relay->in_pipe > 0) {
        relay->in_pipe -= n;
        return;
    }
    iobuf_parsed(from->in, n);
    if (iobuf_pending(from->in).n == 0) {
        iobuf_settle(&from->loop->inputs, &from->in);
        if (relay->left > 0)
            stream_read(from, true);
    }
}

static void end(struct body *body, bool whole) {
    struct relay *relay = relay_of(body);
    relay->queued = false;
    if (relay->pipe)
        give_pipe(relay, body->stream->loop);
    if (relay->from && !relay->bursts)
        relay->from->raw = false; /* what comes next is not this relay's */
    if (relay->ended)
        relay->ended(relay, whole);
}

static const struct body_class relay_class = {.next = next, .sent = sent, .end = end};

void relay_init(struct relay *relay, struct stream *from, uint64_t length, struct chunked *chunked,
                void (*ended)(struct relay *relay, bool whole)) {
    *relay = (struct relay){
        .body.class = &relay_class, .from = from, .left = length, .chunked = chunked, .ended = ended};
    if (chunked)
        relay->left = 0;
}

/* Full buffers again and again: a bulk transfer. */
static void watch_bulk(struct relay *relay, size_t pending) {
    struct stream *from = relay->from;
    bool full = from->in && from->in->received == from->in->size;
    relay->full = full && !relay->chunked ? (uint8_t)(relay->full + (relay->full < BULK_AFTER)) : 0;
    if (relay->full == BULK_AFTER && relay->left > BULK_LEAST + pending)
        from->raw = true;
}

void relay_input(struct relay *relay, struct stream *to) {
    struct stream *from = relay->from;
    size_t pending = pending_of(relay).n;
    stream_read(from, false);
    if (!from->raw)
        watch_bulk(relay, pending);
    if (relay->bursts && !relay->queued && (pending > 0 || from->raw)) {
        relay->queued = true;
        if (stream_send(to, span_of(NULL, 0), span_of(NULL, 0), -1, &relay->body) != 0) {
            relay->queued = false;
            relay->broken = true;
        }
    }
    stream_wake(to);
}

void relay_cut(struct relay *relay) {
    struct stream *to = relay->body.stream;
    relay->from = NULL;
    relay->broken |= !relay->over;
    if (relay->queued && to)
        stream_wake(to);
}

bool relay_done(const struct relay *relay) {
    return !relay->queued && relay->from && relay->from->eof && pending_of(relay).n == 0;
}
