/* What a parser answers to the bytes it was shown (contract 1): it never touches a socket. */
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
