/* The field lines of a message: decoded into an array of the caller's, looked up by name, split at commas. */
#ifndef SLUICE_PROTO_HTTP1_FIELDS_H
#define SLUICE_PROTO_HTTP1_FIELDS_H

#include "proto/chars.h"
#include "proto/http1_verdict.h"

struct http1_field {
    struct span name;  /* as sent, at least one byte */
    struct span value; /* without white space around it, may be empty */
};

struct http1_fields {
    struct http1_field *list; /* the caller's */
    unsigned n, max;
};

/* Decodes the field lines in lines, which must end with the empty line after them (http1_scan_head()). Strict
 * (RFC 9112, 5): no folding, no white space before the colon, no control bytes. FRAME; BAD with 400, or with 431 when
 * there are more than fields->max. The spans point into lines. */
struct http1_verdict http1_fields_decode(struct span lines, struct http1_fields *fields);

/* The first field of this name at index *i or after, or NULL; *i becomes the index after it. */
const struct http1_field *http1_fields_next(const struct http1_fields *fields, struct span name, unsigned *i);

/* The number of fields with this name; *value becomes the value of the first, or empty (p NULL) without one. */
unsigned http1_fields_find(const struct http1_fields *fields, struct span name, struct span *value);

/* Takes the next member of a comma-separated list off *rest (RFC 9110, 5.6.1), trimmed; it may be empty. False at the
 * end. Quotes have no meaning here: for lists of tokens only. To start, *rest is a whole field value. */
bool http1_list_next(struct span *rest, struct span *member);

#endif
