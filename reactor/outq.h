/* Output queue of a stream: bytes, the descriptors that ride on them, bodies behind them.
 *
 *     [ bytes of whole replies | fds ]->[ bytes | fds, body ]->[ bytes ]      segments from the loop's pool
 *       sent once in one sendmsg          head, then pieces pulled from the body
 *
 * A segment with descriptors starts at a message's first byte, holds whole messages, and leaves in one sendmsg(2) with
 * exactly its descriptors (at most fds_most); after a short write the rest goes without them. The queue holds each
 * descriptor in the ledger until it is sent. */
#ifndef SLUICE_REACTOR_OUTQ_H
#define SLUICE_REACTOR_OUTQ_H

#include "proto/span.h"
#include "reactor/body.h"
#include "reactor/bufpool.h"
#include "reactor/ledger.h"

#include <stdint.h>
#include <sys/queue.h>

#define OUTQ_SEGMENT 4096 /* bytes of a segment, its head included */
#define OUTQ_FDS     64   /* descriptors of one message to the kernel, at most */

struct segment {
    TAILQ_ENTRY(segment) link;
    struct body *body; /* follows the bytes; nothing is appended behind it here */
    uint16_t used, sent;
    uint8_t fds; /* descriptors not yet sent */
    bool closed; /* partly sent, or ends inside a message: no more appending */
    bool tail;   /* starts inside a message: no descriptors */
    bool corked; /* TCP_CORK is on, until the body ends */
    bool held;   /* the body said WAIT once, and the bytes waited for its first piece */
    int fd[OUTQ_FDS];
    uint16_t fd_at[OUTQ_FDS]; /* where in data their messages start */
    char data[];
};

#define OUTQ_ROOM (OUTQ_SEGMENT - sizeof(struct segment))

struct outq {
    TAILQ_HEAD(segment_list, segment) segments;
    uint32_t bytes;    /* queued and not sent, bodies not counted */
    uint32_t fds_most; /* descriptors of one message: the owner may lower it */
};

/* The outcome of a flush. */
enum outq_result {
    OUTQ_EMPTY,   /* everything was sent */
    OUTQ_BLOCKED, /* the socket is full: wait until it is writable */
    OUTQ_WAITING, /* a body has no piece yet */
    OUTQ_STARVED, /* a body found no resources: try again in a moment */
    OUTQ_AGAIN,   /* the turn's budget is spent, or a first piece may come with this turn's completions */
    OUTQ_PAUSED,  /* the descriptor window is full */
    OUTQ_BROKEN,  /* sink->error says why; the stream must die */
};

struct outq_sink {
    int fd;
    bool is_tcp;
    size_t budget; /* bytes this turn */
    struct bufpool *pool;
    struct ledger *ledger;
    void *owner;
    /* May fds more descriptors leave now? NULL: always. */
    bool (*admit)(void *owner, unsigned fds);
    /* That many have left. */
    void (*passed)(void *owner, unsigned fds);
    uint64_t sent; /* out: bytes that left */
    int error;     /* out: -errno of OUTQ_BROKEN; -ENODATA: a body could not be completed */
};

void outq_init(struct outq *queue);
/* Appends one whole message: head, then rest (both copied), its descriptor (-1: none; the queue holds it from now on)
 * and the body behind it (NULL: none; the queue's from now on). 0; -ENOBUFS: nothing was taken. */
int outq_append(struct outq *queue, struct bufpool *pool, struct span head, struct span rest, int fd,
                struct body *body);
/* Sends what can be sent. */
enum outq_result outq_flush(struct outq *queue, struct outq_sink *sink);
/* Answers anew, by appending to the queue, what the message that starts with these bytes was the answer to. fd was its
 * descriptor; the callee holds it now. Returns the length of the old message. */
typedef size_t outq_redo_fn(void *owner, struct span message, int fd);
/* For descriptors that the kernel does not let pass: the messages of the first segment that carry some give way to
 * other answers, in their places; what is queued besides stays. 0; -ENOBUFS: the queue is good for outq_drop() only. */
int outq_redo(struct outq *queue, struct bufpool *pool, struct ledger *ledger, outq_redo_fn *redo,
              void *owner);
/* Ends bodies (not whole), releases descriptors and segments. */
void outq_drop(struct outq *queue, struct bufpool *pool, struct ledger *ledger);

static inline bool outq_is_empty(const struct outq *queue) {
    return TAILQ_EMPTY(&queue->segments);
}

#endif
