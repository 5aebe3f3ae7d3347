#include "proto/proxy_header.h"

#include "proto/chars.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

#define LINE_MAX1 107u
#define HEAD2     16u

static const char signature[12] = "\r\n\r\n\0\r\nQUIT\n";

static struct sockaddr_in *v4(struct sockaddr_storage *address) {
    return (struct sockaddr_in *)(void *)address;
}

static struct sockaddr_in6 *v6(struct sockaddr_storage *address) {
    return (struct sockaddr_in6 *)(void *)address;
}

static struct verdict bad(const char *reason) {
    return verdict_bad(STATUS_BAD_REQUEST, reason);
}

/* ---- version 1 --------------------------------------------------------------------------------- */

/* The word before the next space, or all that is left: then there is no rest (p is NULL). */
static struct span next_word(struct span *rest) {
    const char *space = rest->n > 0 ? memchr(rest->p, ' ', rest->n) : NULL;
    size_t n = space ? (size_t)(space - rest->p) : rest->n;
    struct span word = span_of(rest->p, n);
    *rest = space ? span_of(space + 1, rest->n - n - 1) : span_of(NULL, 0);
    return word;
}

static bool take_address(struct span word, int family, struct sockaddr_storage *out) {
    char text[INET6_ADDRSTRLEN];
    if (word.n == 0 || word.n >= sizeof(text) || memchr(word.p, '\0', word.n))
        return false;
    memcpy(text, word.p, word.n);
    text[word.n] = '\0';
    out->ss_family = (sa_family_t)family;
    void *to = family == AF_INET ? (void *)&v4(out)->sin_addr : (void *)&v6(out)->sin6_addr;
    return inet_pton(family, text, to) == 1;
}

static bool take_port(struct span word, struct sockaddr_storage *out) {
    uint64_t port;
    if (span_number(word, 65535, &port) != 0 || (word.n > 1 && word.p[0] == '0'))
        return false;
    if (out->ss_family == AF_INET)
        v4(out)->sin_port = htons((uint16_t)port);
    else
        v6(out)->sin6_port = htons((uint16_t)port);
    return true;
}

static struct verdict decode1(struct span bytes, struct proxy_header *out) {
    size_t seen = bytes.n < LINE_MAX1 ? bytes.n : LINE_MAX1;
    const char *end = memchr(bytes.p, '\n', seen);
    if (!end)
        return bytes.n < LINE_MAX1 ? verdict_more(0) : bad("a PROXY line of more than 107 bytes");
    if (end == bytes.p || end[-1] != '\r')
        return bad("a PROXY line without CR");
    struct span rest = span_of(bytes.p, (size_t)(end - 1 - bytes.p));
    next_word(&rest);
    struct span family = next_word(&rest);
    size_t n = (size_t)(end + 1 - bytes.p);
    out->local = span_equal(family, span_text("UNKNOWN")); /* what follows is to be ignored */
    if (out->local)
        return verdict_frame(n);
    bool four = span_equal(family, span_text("TCP4"));
    if (!four && !span_equal(family, span_text("TCP6")))
        return bad("a PROXY line of an unknown family");
    int kind = four ? AF_INET : AF_INET6;
    if (!take_address(next_word(&rest), kind, &out->source) ||
        !take_address(next_word(&rest), kind, &out->destination) ||
        !take_port(next_word(&rest), &out->source) || !take_port(next_word(&rest), &out->destination) ||
        rest.p)
        return bad("a malformed PROXY line");
    return verdict_frame(n);
}

/* ---- version 2 --------------------------------------------------------------------------------- */

static void take_v4(const uint8_t *bytes, struct proxy_header *out) {
    out->source.ss_family = out->destination.ss_family = AF_INET;
    memcpy(&v4(&out->source)->sin_addr, bytes, 4);
    memcpy(&v4(&out->destination)->sin_addr, bytes + 4, 4);
    memcpy(&v4(&out->source)->sin_port, bytes + 8, 2);
    memcpy(&v4(&out->destination)->sin_port, bytes + 10, 2);
}

static void take_v6(const uint8_t *bytes, struct proxy_header *out) {
    out->source.ss_family = out->destination.ss_family = AF_INET6;
    memcpy(&v6(&out->source)->sin6_addr, bytes, 16);
    memcpy(&v6(&out->destination)->sin6_addr, bytes + 16, 16);
    memcpy(&v6(&out->source)->sin6_port, bytes + 32, 2);
    memcpy(&v6(&out->destination)->sin6_port, bytes + 34, 2);
}

static struct verdict decode2(struct span bytes, struct proxy_header *out) {
    const uint8_t *p = (const uint8_t *)bytes.p;
    if (bytes.n < HEAD2)
        return verdict_more(HEAD2);
    unsigned command = p[12] & 0xf, family = p[13] >> 4;
    size_t length = (size_t)p[14] << 8 | p[15];
    if (p[12] >> 4 != 2 || command > 1)
        return bad("a PROXY header of an unknown version or command");
    if (HEAD2 + length > PROXY_HEADER_MAX)
        return bad("a PROXY header that is too long");
    if (bytes.n < HEAD2 + length)
        return verdict_more(HEAD2 + length);
    out->local = command == 0 || (family != 1 && family != 2);
    if (!out->local && length < (family == 1 ? 12u : 36u))
        return bad("a PROXY header without its addresses");
    if (!out->local)
        (family == 1 ? take_v4 : take_v6)(p + HEAD2, out);
    return verdict_frame(HEAD2 + length);
}

struct verdict proxy_header_decode(const void *bytes, size_t n, struct proxy_header *out) {
    struct span span = span_of(bytes, n);
    size_t common1 = n < 6 ? n : 6, common2 = n < sizeof(signature) ? n : sizeof(signature);
    *out = (struct proxy_header){.local = true};
    if (n == 0)
        return verdict_more(1);
    if (memcmp(bytes, "PROXY ", common1) == 0)
        return common1 < 6 ? verdict_more(0) : decode1(span, out);
    if (memcmp(bytes, signature, common2) == 0)
        return common2 < sizeof(signature) ? verdict_more(HEAD2) : decode2(span, out);
    return bad("no PROXY header");
}

/* ---- writing ----------------------------------------------------------------------------------- */

static int family_of(const struct proxy_header *header) {
    int family = header->source.ss_family;
    bool known = family == AF_INET || family == AF_INET6;
    return !header->local && known && header->destination.ss_family == family ? family : AF_UNSPEC;
}

size_t proxy_header_write1(const struct proxy_header *header, char out[PROXY_HEADER_ROOM]) {
    char source[INET6_ADDRSTRLEN], destination[INET6_ADDRSTRLEN];
    struct proxy_header copy = *header;
    int family = family_of(header), n;
    if (family == AF_UNSPEC) {
        n = snprintf(out, PROXY_HEADER_ROOM, "PROXY UNKNOWN\r\n");
        return (size_t)n;
    }
    bool four = family == AF_INET;
    inet_ntop(family, four ? (void *)&v4(&copy.source)->sin_addr : (void *)&v6(&copy.source)->sin6_addr,
              source, sizeof(source));
    inet_ntop(family,
              four ? (void *)&v4(&copy.destination)->sin_addr : (void *)&v6(&copy.destination)->sin6_addr,
              destination, sizeof(destination));
    n = snprintf(out, PROXY_HEADER_ROOM, "PROXY %s %s %s %u %u\r\n", four ? "TCP4" : "TCP6", source,
                 destination, ntohs(four ? v4(&copy.source)->sin_port : v6(&copy.source)->sin6_port),
                 ntohs(four ? v4(&copy.destination)->sin_port : v6(&copy.destination)->sin6_port));
    return (size_t)n;
}

size_t proxy_header_write2(const struct proxy_header *header, char out[PROXY_HEADER_ROOM]) {
    struct proxy_header copy = *header;
    int family = family_of(header);
    size_t size = family == AF_INET ? 4 : 16, length = family == AF_UNSPEC ? 0 : 2 * size + 4;
    const void *source =
        family == AF_INET ? (void *)&v4(&copy.source)->sin_addr : (void *)&v6(&copy.source)->sin6_addr;
    const void *destination = family == AF_INET ? (void *)&v4(&copy.destination)->sin_addr
                                                : (void *)&v6(&copy.destination)->sin6_addr;
    memcpy(out, signature, sizeof(signature));
    out[12] = family == AF_UNSPEC ? 0x20 : 0x21; /* LOCAL or PROXY */
    out[13] = family == AF_UNSPEC ? 0 : family == AF_INET ? 0x11 : 0x21;
    out[14] = 0;
    out[15] = (char)length;
    if (length == 0)
        return HEAD2;
    memcpy(out + HEAD2, source, size);
    memcpy(out + HEAD2 + size, destination, size);
    memcpy(out + HEAD2 + 2 * size,
           family == AF_INET ? &v4(&copy.source)->sin_port : &v6(&copy.source)->sin6_port, 2);
    memcpy(out + HEAD2 + 2 * size + 2,
           family == AF_INET ? &v4(&copy.destination)->sin_port : &v6(&copy.destination)->sin6_port, 2);
    return HEAD2 + length;
}
