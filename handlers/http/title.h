/* A route's title as it is written: [METHOD or *] [HOST]/PATH. */
#ifndef SLUICE_HANDLERS_HTTP_TITLE_H
#define SLUICE_HANDLERS_HTTP_TITLE_H

#include "proto/http1_method.h"
#include "reactor/exchange.h"

struct title {
    enum http1_method method; /* HTTP1_OTHER: any */
    struct span host;         /* empty: any */
    struct span path;         /* as written, from its first slash */
};

enum title_segment {
    TITLE_LITERAL,
    TITLE_PARAM, /* :name */
    TITLE_STAR,  /* the last one */
};

/* Splits a title; the spans point into it. 0, or -EINVAL with a reason. */
int title_parse(const char *text, struct title *out, char *why, size_t why_size);
/* Takes the next segment off *rest, which starts at its slash; *name is without the colon. False at the end. */
bool title_next(struct span *rest, enum title_segment *kind, struct span *name);

#endif
