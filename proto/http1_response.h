/* The head of an HTTP/1.1 response (RFC 9112), for the load generator and for upstream connections: decoded
 * as strictly as a request, because an upstream may be as hostile as a client. */
#ifndef SLUICE_PROTO_HTTP1_RESPONSE_H
#define SLUICE_PROTO_HTTP1_RESPONSE_H

#include "proto/http1_framing.h"
#include "proto/http1_scan.h"

struct http1_response {
    int status;         /* 100..599; below 200 and not 101: another response follows */
    unsigned minor;     /* of the version: 0 or 1 */
    struct span reason; /* may be empty */
    struct http1_fields fields;
    struct http1_framing framing;
};

/* Decodes the response at the start of n bytes to a request with this method; upgrade_asked: that request had an
 * Upgrade field. scan, out, MORE and FRAME are as for http1_decode(), but empty lines are not skipped. BAD is always
 * 502. */
struct http1_verdict http1_response_decode(struct http1_scan *scan, const void *bytes, size_t n,
                                           const struct http1_limits *limits, enum http1_method method,
                                           bool upgrade_asked, struct http1_response *out);

#endif
