#include "handlers/mcp/event_stream.h"

#include "handlers/mcp/mcp.h"
#include "reactor/conn.h"
#include "reactor/container.h"
#include "reactor/http1_reply.h"
#include "reactor/loop.h"

#include <stdlib.h>
#include <string.h>

#define TICK       1.0 /* seconds: how soon a stream notices that the server drains */
#define BEAT_TICKS 15  /* of silence, then a comment */
#define RETRY_MS   "500"

struct event_stream {
    struct body body; /* first */
    struct deadline tick;
    struct mcp *mcp;
    struct request *request;
    struct text queue;
    size_t sent; /* of queue */
    unsigned silent;
    bool ending;
    bool listening; /* it is all that its client waits for */
    bool endless;   /* no answer will end it */
    void (*gone)(void *owner);
    void *owner;
};

static struct event_stream *stream_of(struct body *body) {
    return (struct event_stream *)(void *)body;
}

static void wake(struct event_stream *stream) {
    if (stream->body.stream)
        stream_wake(stream->body.stream);
}

static void next(struct body *body, struct piece *piece) {
    const struct event_stream *stream = stream_of(body);
    size_t left = stream->queue.n - stream->sent;
    *piece = (struct piece){.kind = PIECE_BYTES, .p = stream->queue.p + stream->sent, .n = left};
    if (left == 0)
        piece->kind = stream->ending ? PIECE_END : PIECE_WAIT;
}

static void sent(struct body *body, size_t n) {
    struct event_stream *stream = stream_of(body);
    stream->sent += n;
    if (stream->sent == stream->queue.n) {
        text_free(&stream->queue);
        stream->sent = 0;
    }
}

static void end(struct body *body, bool whole) {
    struct event_stream *stream = stream_of(body);
    struct request *request = stream->request;
    deadline_clear(&stream->tick);
    stream->mcp->stats.mcp_open_streams--;
    if (stream->gone)
        stream->gone(stream->owner);
    text_free(&stream->queue);
    free(stream);
    request_body_ended(request, whole);
}

static const struct body_class event_class = {.next = next, .sent = sent, .end = end};

static void ticked(struct deadline *deadline) {
    struct event_stream *stream = CONTAINER_OF(deadline, struct event_stream, tick);
    if (stream->endless && stream->mcp->rpc->loop->state >= LOOP_DRAINING) {
        event_stream_end(stream);
        return;
    }
    if (stream->listening && stream->request->conn->stream.eof) {
        stream_abort(&stream->request->conn->stream); /* nobody listens any more */
        return;
    }
    if (++stream->silent >= BEAT_TICKS && stream->queue.n == 0) {
        stream->silent = 0;
        text_add_constant(&stream->queue, ":\n\n");
        if (text_is_whole(&stream->queue, 0))
            wake(stream);
    }
    deadline_set(&stream->tick, &stream->mcp->tick);
}

void event_stream_init(struct mcp *mcp) {
    deadlines_add(&mcp->rpc->loop->deadlines, &mcp->tick, TICK, ticked);
}

struct event_stream *event_stream_open(struct mcp *mcp, struct request *request, const char *session,
                                       void (*gone)(void *owner), void *owner) {
    struct http1_reply reply;
    if (mcp->stats.mcp_open_streams >= (uint64_t)mcp->settings.mcp_streams)
        return NULL;
    struct event_stream *stream = calloc(1, sizeof(*stream));
    if (!stream)
        return NULL;
    stream->body.class = &event_class;
    stream->mcp = mcp;
    stream->request = request;
    stream->gone = gone;
    stream->owner = owner;
    mcp->stats.mcp_open_streams++;
    deadline_set(&stream->tick, &mcp->tick);
    http1_reply_begin(&reply, request, 200);
    http1_reply_field(&reply, "Content-Type", span_text("text/event-stream"));
    http1_reply_field(&reply, "Cache-Control", span_text("no-cache"));
    http1_reply_field(&reply, "X-Accel-Buffering", span_text("no"));
    if (session)
        http1_reply_field(&reply, "Mcp-Session-Id", span_text(session));
    http1_reply_stream(&reply, &stream->body);
    return stream;
}

void event_stream_listen(struct event_stream *stream, bool endless) {
    stream->listening = true;
    stream->endless = endless;
}

static void add_id(struct text *queue, const char *id) {
    text_add_constant(queue, "id: ");
    text_add_constant(queue, id);
    text_add_constant(queue, "\n");
}

void event_stream_prime(struct event_stream *stream, const char *id) {
    size_t before = stream->queue.n;
    add_id(&stream->queue, id);
    text_add_constant(&stream->queue, "retry: " RETRY_MS "\ndata: \n\n");
    if (text_is_whole(&stream->queue, before))
        wake(stream);
}

/* Frees the room of bytes that were sent. */
static void compact(struct event_stream *stream) {
    struct text *queue = &stream->queue;
    if (stream->sent < queue->n / 2 || stream->sent == 0)
        return;
    queue->n -= stream->sent;
    memmove(queue->p, queue->p + stream->sent, queue->n);
    stream->sent = 0;
}

/* False: there is no memory for it. */
static bool add_event(struct event_stream *stream, const char *id, struct span data) {
    struct text *queue = &stream->queue;
    compact(stream);
    size_t before = queue->n;
    if (id)
        add_id(queue, id);
    text_add_constant(queue, "event: message\ndata: ");
    text_add(queue, data);
    text_add_constant(queue, "\n\n");
    if (!text_is_whole(queue, before)) /* a part would spoil the next event */
        return false;
    stream->silent = 0;
    wake(stream);
    return true;
}

bool event_stream_send(struct event_stream *stream, const char *id, struct span data) {
    const struct text *queue = &stream->queue;
    bool sent = !stream->ending &&
                queue->n - stream->sent + data.n <= stream->mcp->settings.mcp_stream_bytes &&
                add_event(stream, id, data);
    stream->mcp->stats.mcp_lost += !sent;
    return sent;
}

void event_stream_answer(struct event_stream *stream, const char *id, struct span data) {
    if (data.p && !add_event(stream, id, data))
        stream_abort(&stream->request->conn->stream); /* the end is an answer, too; silence is none */
    event_stream_disown(stream);
}

void event_stream_end(struct event_stream *stream) {
    stream->ending = true;
    deadline_clear(&stream->tick);
    wake(stream);
}

void event_stream_disown(struct event_stream *stream) {
    stream->gone = NULL;
    event_stream_end(stream);
}
