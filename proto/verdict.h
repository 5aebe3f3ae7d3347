/* A parser's answer to the bytes it was shown (docs/design.md, contract 1). A parser neither reads a socket nor keeps
 * what it saw.
 *
 *     socket -> input buffer | in hand | the next message ...... | room |
 *                                      '-> parser(bytes, n) -> verdict
 *     MORE     the buffer's owner reads on and shows the same bytes again, with those that follow
 *     FRAME    the first n bytes are a message: the owner runs it and moves on
 *     BAD      the owner answers with status and reason, and closes
 *
 * The bytes belong to the owner; a parser returns spans into them, valid until the buffer moves. Parsers: frame.h,
 * lines.h, proxy_header.h, and http1.h, whose verdict has an HTTP status (http1_verdict.h). */
#ifndef SLUICE_PROTO_VERDICT_H
#define SLUICE_PROTO_VERDICT_H

#include "proto/status.h"

#include <stddef.h>

enum verdict_kind {
    VERDICT_MORE,  /* incomplete: at least n bytes in all are needed before asking again (0: unknown) */
    VERDICT_FRAME, /* a whole message of n bytes */
    VERDICT_BAD,   /* not acceptable: status and reason (a constant string) say why */
};

struct verdict {
    enum verdict_kind kind;
    enum status status;
    size_t n;
    const char *reason;
};

static inline struct verdict verdict_more(size_t n) {
    return (struct verdict){VERDICT_MORE, STATUS_OK, n, NULL};
}

static inline struct verdict verdict_frame(size_t n) {
    return (struct verdict){VERDICT_FRAME, STATUS_OK, n, NULL};
}

static inline struct verdict verdict_bad(enum status status, const char *reason) {
    return (struct verdict){VERDICT_BAD, status, 0, reason};
}

#endif
