/* Conditional requests (RFC 9110, 13), all of them, in the order of 13.2.2.
 *
 *     If-Match, else If-Unmodified-Since    -> 412
 *     If-None-Match, else If-Modified-Since -> 304 (GET, HEAD) or 412
 *     Range, and If-Range if there is one   -> which part to send
 */
#ifndef SLUICE_PROTO_CONDITIONAL_H
#define SLUICE_PROTO_CONDITIONAL_H

#include "proto/http1_fields.h"
#include "proto/http1_method.h"

#include <time.h>

/* The current state of the resource that the request is about. */
struct representation {
    bool exists;      /* If-Match: * holds, If-None-Match: * fails */
    struct span etag; /* with its quotes, with W/ if it is weak; n == 0: none */
    bool dated;       /* modified is known */
    time_t modified;  /* whole seconds, as Last-Modified tells */
};

enum conditional {
    CONDITIONAL_PROCEED,
    CONDITIONAL_NOT_MODIFIED,        /* 304 */
    CONDITIONAL_PRECONDITION_FAILED, /* 412 */
};

/* Evaluates the preconditions among the fields. *range becomes the value of the Range field if the result is PROCEED
 * and the range is to be honoured (GET, one field, If-Range holds), else empty. now: for dates with two-digit years.
 * Malformed dates are ignored; a malformed entity tag matches nothing. */
enum conditional conditional_judge(const struct http1_fields *fields, enum http1_method method,
                                   const struct representation *representation, time_t now,
                                   struct span *range);

/* Takes the next entity tag off *rest, a list of them (RFC 9110, 8.8.3). False at the end, or where the list is
 * malformed. */
bool etag_next(struct span *rest, struct span *etag);

/* RFC 9110, 8.8.3.2. */
bool etag_equal_strong(struct span a, struct span b);
bool etag_equal_weak(struct span a, struct span b);

#endif
