/* A verdict (verdict.h) with an HTTP status: HTTP has errors that no other protocol shares (414, 431, 505). */
#ifndef SLUICE_PROTO_HTTP1_VERDICT_H
#define SLUICE_PROTO_HTTP1_VERDICT_H

#include "proto/verdict.h"

struct http1_verdict {
    enum verdict_kind kind;
    int http_status;    /* BAD: what to answer before the connection is closed; 0 otherwise */
    size_t n;           /* FRAME: bytes of the head */
    const char *reason; /* BAD: a constant string */
};

static inline struct http1_verdict http1_more(void) {
    return (struct http1_verdict){VERDICT_MORE, 0, 0, NULL};
}

static inline struct http1_verdict http1_frame(size_t n) {
    return (struct http1_verdict){VERDICT_FRAME, 0, n, NULL};
}

static inline struct http1_verdict http1_bad(int http_status, const char *reason) {
    return (struct http1_verdict){VERDICT_BAD, http_status, 0, reason};
}

#endif
