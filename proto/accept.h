/* What a client accepts (RFC 9110, 12.5). */
#ifndef SLUICE_PROTO_ACCEPT_H
#define SLUICE_PROTO_ACCEPT_H

#include "proto/http1_fields.h"

/* Does Accept-Encoding name this content coding (or *) with a weight above 0? Without the field: no, since we only
 * ask about codings that a client may not know (12.5.3). */
bool accept_coding(const struct http1_fields *fields, struct span coding);

#endif
