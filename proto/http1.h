/* The head of an HTTP/1.1 request (RFC 9112), decoded strictly and in place.
 *
 *     bytes -> http1_scan: MORE until the head is whole -> request line -> fields -> framing -> host
 *              (each byte seen once)                       spans into bytes, nothing copied
 *
 * Anything that two recipients could read differently is refused. On BAD the caller answers http_status and closes.
 */
#ifndef SLUICE_PROTO_HTTP1_H
#define SLUICE_PROTO_HTTP1_H

#include "proto/http1_framing.h"
#include "proto/http1_scan.h"
#include "proto/uri.h"

/* The forms of a request target, RFC 9112, 3.2. */
enum http1_form {
    HTTP1_ORIGIN,    /* /path?query */
    HTTP1_ABSOLUTE,  /* http://host/path?query */
    HTTP1_AUTHORITY, /* host:port, with CONNECT only */
    HTTP1_ASTERISK,  /* *, with OPTIONS only; also OPTIONS http://host (RFC 9112, 3.2.4) */
};

struct http1_request {
    enum http1_method method;
    struct span method_name;
    enum http1_form form;
    struct span target; /* as sent */
    struct span path;  /* still encoded, starts with /; "*" and, where the target has none, "/" are constants;
                        * empty with CONNECT */
    struct span query; /* without the ?; p is NULL if there is no ? */
    struct uri_authority host; /* the target's, else the Host field's; empty only in HTTP/1.0 */
    unsigned minor;            /* of the version: 0, or 1 also for HTTP/1.2 to 1.9 (RFC 9110, 2.5) */
    struct http1_fields fields;
    struct http1_framing framing;
};

/* Decodes the request at the start of n bytes. scan is all 0 before the first byte of a request; it remembers how far
 * earlier calls got with the same bytes, which may have moved since. The caller sets out->fields.list and .max; the
 * rest of *out is defined only after FRAME and points into bytes.
 * FRAME: verdict.n is the length of the head (with empty lines before it), scan is 0 again. MORE: the head is
 * incomplete; see http1_scan_idle(). BAD: 400, 414 target, 417 Expect, 431 head or fields, 501 method or transfer
 * coding, 505 version. After BAD, and after MORE from a scan that was all 0, method, method_name and target hold what
 * is known of them so far, or HTTP1_OTHER and empty. */
struct http1_verdict http1_decode(struct http1_scan *scan, const void *bytes, size_t n,
                                  const struct http1_limits *limits, struct http1_request *out);

#endif
