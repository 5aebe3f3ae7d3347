/* First bytes -> protocol.
 *
 *     SLC1  MCP1  PRI * HTTP/2  0x16 0x03  (PROXY, the v2 signature)     whole: decided   begun: wait
 *     CRLF* token SP                                                     HTTP
 *     (SP | TAB | CR | LF)* { or [                                       JSON
 *     anything else                                                      UNKNOWN
 */
#include "proto/detect.h"

#include "proto/chars.h"

struct opening {
    enum protocol protocol;
    const char *bytes;
    size_t n;
    bool proxy; /* only looked for where PROXY headers are expected */
};

/* No opening is the start of another one, so at most one of them fits. */
static const struct opening openings[] = {
    {PROTOCOL_SLC1, "SLC1", 4, false},           {PROTOCOL_MCP1, "MCP1", 4, false},
    {PROTOCOL_HTTP2, "PRI * HTTP/2", 12, false}, /* RFC 9113, 3.4 */
    {PROTOCOL_TLS, "\x16\x03", 2, false},        /* RFC 8446, 5.1: a handshake record */
    {PROTOCOL_PROXY1, "PROXY ", 6, true},        {PROTOCOL_PROXY2, "\r\n\r\n\0\r\nQUIT\n", 12, true},
};

/* RFC 8259, 2: ws. */
static bool is_json_space(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* p[0] is not white space, so the space that ends the token is never the first byte. */
static enum protocol detect_request_line(const char *p, size_t n) {
    size_t i = char_run(p, n, CHAR_TOKEN);
    if (i == n)
        return PROTOCOL_NONE;
    return p[i] == ' ' ? PROTOCOL_HTTP1 : PROTOCOL_UNKNOWN;
}

static enum protocol detect_text(const char *p, size_t n) {
    size_t space = 0;
    while (space < n && is_json_space(p[space]))
        space++;
    if (space == n)
        return PROTOCOL_NONE;
    if (p[space] == '{' || p[space] == '[')
        return PROTOCOL_JSON;
    size_t empty_lines = 0;
    while (empty_lines + 2 <= space && memcmp(p + empty_lines, "\r\n", 2) == 0)
        empty_lines += 2;
    return empty_lines == space ? detect_request_line(p + space, n - space) : PROTOCOL_UNKNOWN;
}

enum protocol detect_protocol(const void *bytes, size_t n, bool expect_proxy) {
    size_t seen = n < DETECT_MAX ? n : DETECT_MAX;
    enum protocol undecided = n < DETECT_MAX ? PROTOCOL_NONE : PROTOCOL_UNKNOWN;
    if (seen == 0)
        return undecided;
    for (size_t i = 0; i < sizeof(openings) / sizeof(openings[0]); i++) {
        const struct opening *opening = &openings[i];
        if (opening->proxy && !expect_proxy)
            continue;
        if (memcmp(bytes, opening->bytes, seen < opening->n ? seen : opening->n) == 0)
            return seen < opening->n ? undecided : opening->protocol;
    }
    enum protocol protocol = detect_text(bytes, seen);
    return protocol == PROTOCOL_NONE ? undecided : protocol;
}

const char *protocol_name(enum protocol protocol) {
    static const char *const names[PROTOCOL_COUNT] = {
        [PROTOCOL_NONE] = "none",       [PROTOCOL_SLC1] = "slc",    [PROTOCOL_MCP1] = "mcp",
        [PROTOCOL_JSON] = "rpc",        [PROTOCOL_HTTP1] = "http",  [PROTOCOL_PROXY1] = "proxy",
        [PROTOCOL_PROXY2] = "proxy",    [PROTOCOL_HTTP2] = "http2", [PROTOCOL_TLS] = "tls",
        [PROTOCOL_UNKNOWN] = "unknown",
    };
    return (unsigned)protocol < PROTOCOL_COUNT ? names[protocol] : "unknown";
}
