/* What a client accepts (RFC 9110, 12.5). */
#ifndef SLUICE_PROTO_ACCEPT_H
#define SLUICE_PROTO_ACCEPT_H

#include "proto/http1_fields.h"

#define ACCEPT_FULLY 1000u

/* The weight that Accept-Encoding gives this content coding, by its name or by *, from 0 to ACCEPT_FULLY. Not named: 0,
 * since only codings that a client may not know are asked about, and identity, which comes behind all others
 * (12.5.3). */
unsigned accept_coding(const struct http1_fields *fields, struct span coding);
/* The same of Accept and a media type, "text/event-stream": of the ranges that it is in, the most precise one
 * decides (12.5.1). */
unsigned accept_type(const struct http1_fields *fields, struct span type);

#endif
