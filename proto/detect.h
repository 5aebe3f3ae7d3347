/* Detects which protocol a connection speaks from its first bytes (docs/protocol.md, "Detection"). */
#ifndef SLUICE_PROTO_DETECT_H
#define SLUICE_PROTO_DETECT_H

#include <stdbool.h>
#include <stddef.h>

#define DETECT_MAX 16 /* bytes after which an undecided connection is UNKNOWN */

enum protocol {
    PROTOCOL_NONE, /* not decided yet: show more bytes */
    PROTOCOL_SLC1,
    PROTOCOL_MCP1,
    PROTOCOL_JSON,
    PROTOCOL_HTTP1,
    PROTOCOL_PROXY1, /* "PROXY ", only where expected */
    PROTOCOL_PROXY2, /* the v2 signature, only where expected */
    PROTOCOL_HTTP2,  /* the connection preface "PRI * HTTP/2" */
    PROTOCOL_TLS,
    PROTOCOL_UNKNOWN,
    PROTOCOL_COUNT
};

/* Looks at the first n bytes of a connection and consumes nothing. expect_proxy: this listener accepts PROXY headers.
 * A prefix that could still become more than one protocol is NONE; the answer for a longer prefix of the same bytes
 * never contradicts an earlier one. */
enum protocol detect_protocol(const void *bytes, size_t n, bool expect_proxy);
/* Lower-case name: "slc", "mcp", "rpc", "http", "proxy", "http2", "tls", "unknown", "none". */
const char *protocol_name(enum protocol protocol);

#endif
