/* What a client accepts (RFC 9110, 12.5). */
#ifndef SLUICE_PROTO_ACCEPT_H
#define SLUICE_PROTO_ACCEPT_H

#include "proto/http1_fields.h"

#define ACCEPT_FULLY 1000u

/* The weight that Accept-Encoding gives this content coding, by name or by *, from 0 to ACCEPT_FULLY. 0 if it is not
 * named: callers ask only about codings that a client may not know, and about identity, which ranks below all others
 * (12.5.3). */
unsigned accept_coding(const struct http1_fields *fields, struct span coding);
/* The same for Accept and a media type like "text/event-stream": of the media ranges that match, the most specific
 * decides (12.5.1). */
unsigned accept_type(const struct http1_fields *fields, struct span type);

#endif
