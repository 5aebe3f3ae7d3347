/* A view of bytes owned by somebody else. */
#ifndef SLUICE_PROTO_SPAN_H
#define SLUICE_PROTO_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct span {
    const char *p;
    size_t n;
};

static inline struct span span_of(const void *p, size_t n) {
    return (struct span){p, n};
}

static inline struct span span_text(const char *text) {
    return (struct span){text, strlen(text)};
}

static inline bool span_equal(struct span a, struct span b) {
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

#endif
