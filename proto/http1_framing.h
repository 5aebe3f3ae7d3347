/* What the fields of a message say about the message itself: its body, its connection.
 *
 * Where RFC 9112 allows either repairing or refusing a message, this code refuses: request smuggling depends on two
 * parsers that repair differently. */
#ifndef SLUICE_PROTO_HTTP1_FRAMING_H
#define SLUICE_PROTO_HTTP1_FRAMING_H

#include "proto/http1_fields.h"
#include "proto/http1_method.h"

enum http1_body {
    HTTP1_BODY_NONE,
    HTTP1_BODY_LENGTH,  /* length bytes follow the head, at least one */
    HTTP1_BODY_CHUNKED, /* chunked.h */
    HTTP1_BODY_CLOSE,   /* responses: until the connection ends */
    HTTP1_BODY_TUNNEL,  /* responses: no body; what follows is no longer HTTP */
};

struct http1_framing {
    enum http1_body body;
    uint64_t length; /* of the body; in a response without body to HEAD or with 304: as announced, or 0 */
    bool keep_alive; /* RFC 9112, 9.3: both ends may use the connection again */
    bool expect_continue; /* the sender waits for 100 before it sends the body that it announced */
    bool upgrade;         /* asks for, or in a response names, another protocol: see the Upgrade field */
};

/* The framing of a request (RFC 9112, 6.3). minor: of HTTP/1.x, 0 or 1. FRAME with *out filled in, or BAD: 400, 501
 * unknown transfer coding, 417 unknown expectation. */
struct http1_verdict http1_framing_request(const struct http1_fields *fields, unsigned minor,
                                           struct http1_framing *out);

/* The framing of a response to a request with this method. upgrade_asked: the request named a protocol in Upgrade; if
 * not, 101 is refused. FRAME with *out filled in, or BAD with 502. */
struct http1_verdict http1_framing_response(const struct http1_fields *fields, unsigned minor, int status,
                                            enum http1_method method, bool upgrade_asked,
                                            struct http1_framing *out);

#endif
