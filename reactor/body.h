/* Bodies are pulled (docs/design.md, contract 6): the output queue asks for the next piece when it can send one.
 *
 *     outq: [bytes][body] -> next(): bytes | a range of a file | bytes in a pipe | wait | end
 *                            sent(n): n bytes of that piece are on their way
 *                            end():   exactly once, whole or not; frees the body
 *
 * A body that answered WAIT calls stream_wake() when it has a piece. next() may be called again without sent() in
 * between; it then answers for the same position. */
#ifndef SLUICE_REACTOR_BODY_H
#define SLUICE_REACTOR_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum piece_kind {
    PIECE_WAIT,    /* nothing yet */
    PIECE_STARVED, /* nothing yet, and perhaps nothing will wake the stream: ask again in a moment */
    PIECE_BYTES,   /* n bytes at p, valid until sent() or the next call of next() */
    PIECE_FILE,    /* n bytes at offset of fd: sendfile */
    PIECE_PIPE,    /* n bytes waiting in the pipe fd: splice */
    PIECE_END,     /* the body is complete */
    PIECE_FAIL,    /* it cannot be completed: the connection is reset, never padded */
};

struct piece {
    enum piece_kind kind;
    const void *p;
    int fd;
    uint64_t offset;
    size_t n;
    bool more; /* further pieces are sure to follow */
};

struct stream;
struct body;

struct body_class {
    void (*next)(struct body *body, struct piece *piece);
    void (*sent)(struct body *body, size_t n);
    void (*end)(struct body *body, bool whole);
};

struct body {
    const struct body_class *class;
    struct stream *stream; /* set when the body is queued */
    uint64_t *count;       /* set then, too: a counter of its bytes as they leave; NULL: none */
};

#endif
