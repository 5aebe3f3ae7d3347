/* A stream: non-blocking socket + input buffer + output queue + one watcher + two deadlines.
 *
 *     readable -> receive -> in -> class->input()          the protocol consumes whole messages
 *     stream_send() -> out -> [dirty list] -> prepare hook: stream_flush() -> socket
 *                                                        -> class->drained()
 *     stream_close(): sends out, then FIN, then briefly waits for the peer's EOF
 *     stream_abort(): ends at once, with RST on TCP
 *     both -> [dying list] -> prepare hook: class->died() frees it       (never inside a callback)
 *
 * The one piece of code that moves bytes: clients, upstream connections and tunnels are streams. */
#ifndef SLUICE_REACTOR_STREAM_H
#define SLUICE_REACTOR_STREAM_H

#include "reactor/deadlines.h"
#include "reactor/iobuf.h"
#include "reactor/outq.h"

#include <ev.h>
#include <sys/socket.h>

struct loop;
struct stream;

struct stream_class {
    enum fd_kind kind;
    /* Bytes arrived (in) or the peer ended its side (eof). Consumes what it can. */
    void (*input)(struct stream *stream);
    /* Output was sent, or the stream was woken: whatever had to wait may continue. */
    void (*drained)(struct stream *stream);
    /* The last call: out is dropped and the socket closed; frees the stream. */
    void (*died)(struct stream *stream);
    /* For Unix streams: see struct outq_sink. May be NULL. */
    bool (*admit)(struct stream *stream, unsigned fds);
    void (*passed)(struct stream *stream, unsigned fds);
    /* The kernel refuses to pass descriptors (ETOOMANYREFS): replaces the first messages that carry some by others.
     * False, or NULL: they are tried again, until the peer's time to take something (timeout_send) is over. */
    bool (*denied)(struct stream *stream);
    /* Descriptors came with the bytes (or were lost, MSG_CTRUNC): takes them out of the message. False: the
     * stream is aborted. NULL: none may come; they are closed and the stream is aborted. */
    bool (*descriptors)(struct stream *stream, const struct msghdr *message);
    /* True: the socket must stay open for now (it is already shut down); stream_bury_again() follows later. Not asked
     * once a drain has closed the listeners. May be NULL. */
    bool (*hold)(struct stream *stream);
    /* True: after a send that failed (EPIPE, ECONNRESET), what the peer had sent before is still read, and the end of
     * that ends the stream. False: the stream is aborted at once. */
    bool read_after_send_error;
};

struct stream {
    ev_io io;
    struct loop *loop;
    const struct stream_class *class;
    struct iobuf *in;
    struct outq out;
    TAILQ_ENTRY(stream) link; /* dirty, spent or dying list */
    struct deadline read_by, send_by;
    uint64_t received, sent; /* bytes so far */
    int send_queue;          /* bytes in the socket's send queue (SIOCOUTQ) when send_by was set */
    uint16_t denials;        /* times in a row that the kernel let no descriptor pass */
    bool reading : 1;        /* interested in input */
    bool writing : 1;        /* blocked: waiting for the socket to take more */
    bool eof : 1;            /* the peer ended its side */
    bool dirty : 1;          /* on the dirty or spent list */
    bool spent : 1;          /* sent its share of this turn: flushed again in the next */
    bool dying : 1;          /* on the dying list */
    bool closing : 1;        /* close when out is empty */
    bool lingering : 1;      /* FIN sent, discarding input until the peer's EOF */
    bool is_unix : 1;
    bool held : 1;            /* dying, the socket is kept for now */
    bool control : 1;         /* receive with room for descriptors: the kernel cannot refuse them for us */
    bool raw : 1;             /* the owner reads the socket itself: input() only tells that it is readable */
    bool shutting : 1;        /* FIN when out is empty, input goes on */
    bool shut : 1;            /* FIN was sent */
    bool no_send_timeout : 1; /* the owner, not timeout_send, decides how long a peer may take nothing */
    bool send_failed : 1;     /* the peer takes nothing more: what is queued for it is dropped */
};

/* Takes over the non-blocking fd (it is in the ledger already) and starts reading. */
void stream_init(struct stream *stream, struct loop *loop, const struct stream_class *class, int fd,
                 bool is_unix);
/* Queues a message: head and rest (both copied), a descriptor (-1: none; held by the queue from now on) and a body
 * (NULL: none; owned by the queue from now on). 0, or -ENOBUFS, and nothing was taken. */
int stream_send(struct stream *stream, struct span head, struct span rest, int fd, struct body *body);
/* A body has a piece, or the owner wants class->drained(): the stream is flushed in this turn's prepare hook. */
void stream_wake(struct stream *stream);
/* Turns reading on or off; while it is off, input stays in the kernel. After the peer's EOF nothing is read. */
void stream_read(struct stream *stream, bool on);
/* Ends the stream once everything queued is sent. */
void stream_close(struct stream *stream);
/* Ends the sending side once everything queued is sent; the peer may go on sending (half-close). */
void stream_shut(struct stream *stream);
/* Ends the stream at once; on TCP the peer sees a reset. */
void stream_abort(struct stream *stream);
/* Ends the stream at once but without a reset: for idle connections, where nothing is in flight. */
void stream_drop(struct stream *stream);
/* True if everything that was sent is where a reset cannot destroy it: over TCP at the peer, on a Unix socket in its
 * queue. */
bool stream_is_delivered(const struct stream *stream);
/* What held a dying stream's socket open (class->hold()) is gone. */
void stream_bury_again(struct stream *stream);
/* Sets up the deadlines that all streams share. */
void stream_deadlines_init(struct loop *loop);
/* The next four are for the loop's prepare hook. Takes the stream off the dirty list. */
void stream_clean(struct stream *stream);
/* The turn is over: streams that spent their share are dirty again. */
void stream_renew(struct loop *loop);
/* Sends what can be sent of its output. */
void stream_flush(struct stream *stream);
/* Closes the socket of a dying stream and frees it, unless class->hold() says to wait. */
void stream_bury(struct stream *stream);

/* Bytes received and not yet parsed. */
static inline struct span stream_pending(const struct stream *stream) {
    return stream->in ? iobuf_pending(stream->in) : span_of(NULL, 0);
}

static inline int stream_fd(const struct stream *stream) {
    return stream->io.fd;
}

#endif
