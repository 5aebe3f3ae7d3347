/* One direction of bytes: what arrives on one stream is the body of a message on another.
 *
 *     from: socket -> in -> [relay] -> outq of to -> socket        a buffer at a time, copied once
 *     from: socket -> pipe -> outq of to -> socket                 bulk: spliced, while a pipe is free
 *
 * Pulled like every body: while the receiver takes nothing, nothing is read from the sender (back-pressure).
 * The reply of an upstream is a relay; a tunnel is two of them. A relay with bursts is queued only while bytes are
 * pending, so that an idle tunnel holds no buffer. */
#ifndef SLUICE_REACTOR_RELAY_H
#define SLUICE_REACTOR_RELAY_H

#include "proto/chunked.h"
#include "reactor/body.h"
#include "reactor/stream.h"

#define RELAY_REST UINT64_MAX /* as long as the sender sends */

struct relay {
    struct body body;    /* first */
    struct stream *from; /* NULL: gone */
    struct pipe_pair *pipe;
    size_t in_pipe;
    uint64_t left;           /* bytes still to come, of the chunk in hand if chunked */
    uint64_t bytes;          /* that went through */
    struct chunked *chunked; /* the owner's; NULL: not chunked */
    /* The body has ended; whole: everything was passed on. May free the relay. */
    void (*ended)(struct relay *relay, bool whole);
    bool bursts;  /* END when nothing is pending; relay_input() queues it again */
    bool queued;  /* in the outq of body.stream */
    bool over;    /* every byte has come */
    bool broken;  /* the sender is gone, or what it sent is malformed */
    uint8_t full; /* full buffers in a row: bulk */
};

/* A relay of length bytes from a stream (RELAY_REST: until its end); or, with a zeroed `chunked`, of a chunked body,
 * which it decodes. */
void relay_init(struct relay *relay, struct stream *from, uint64_t length, struct chunked *chunked,
                void (*ended)(struct relay *relay, bool whole));
/* For the class->input() of `from`: there are bytes, or its end. to: the stream that bursts go to. */
void relay_input(struct relay *relay, struct stream *to);
/* The sender dies prematurely: what was not sent yet will not be. */
void relay_cut(struct relay *relay);
/* True if a relay with bursts has nothing left to send and nothing more will come. */
bool relay_done(const struct relay *relay);

#endif
