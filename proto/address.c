#include "proto/address.h"

#include "proto/utf8.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/un.h>

#define HOST_NAME_MAX_BYTES 253 /* RFC 1035, 2.3.4, without length bytes */

static const char *const schemes[] = {[ADDRESS_UNIX] = "unix:",
                                      [ADDRESS_UNIXGRAM] = "unixgram:",
                                      [ADDRESS_TCP] = "tcp:",
                                      [ADDRESS_UDP] = "udp:"};

static bool is_local(enum address_kind kind) {
    return kind == ADDRESS_UNIX || kind == ADDRESS_UNIXGRAM;
}

static const char *parse_path(struct span text, struct address *out) {
    bool abstract = text.n > 0 && text.p[0] == '@';
    if (text.n < 2 || (text.p[0] != '/' && !abstract))
        return "expected a path that starts with / or an abstract name that starts with @";
    if (abstract && out->kind == ADDRESS_UNIXGRAM)
        return "expected a path that starts with /";
    if (text.n > sizeof(((struct sockaddr_un *)NULL)->sun_path) - !abstract)
        return "the path of a Unix socket has at most 107 bytes";
    memcpy(out->path, text.p, text.n);
    return NULL;
}

static const char *parse_port(struct span text, uint16_t *port) {
    unsigned value = 0;
    if (text.n == 0 || text.n > 5)
        return "expected a port of 0 to 65535";
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return "expected a port of 0 to 65535";
        value = value * 10 + (unsigned)(text.p[i] - '0');
    }
    if (value > UINT16_MAX)
        return "expected a port of 0 to 65535";
    *port = (uint16_t)value;
    return NULL;
}

/* The text between the brackets: an IPv6 address, perhaps with a zone (RFC 4007, 11). */
static const char *parse_ipv6(struct span text, char *host) {
    struct in6_addr unused;
    char plain[INET6_ADDRSTRLEN] = "";
    const char *zone = text.n > 0 ? memchr(text.p, '%', text.n) : NULL;
    size_t n = zone ? (size_t)(zone - text.p) : text.n;
    if (n >= sizeof(plain) || text.n >= ADDRESS_HOST)
        return "expected an IPv6 address in brackets";
    if (n > 0)
        memcpy(plain, text.p, n);
    if (inet_pton(AF_INET6, plain, &unused) != 1 || text.n == n + 1)
        return "expected an IPv6 address in brackets";
    memcpy(host, text.p, text.n);
    return NULL;
}

static bool is_host_byte(char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.' ||
           c == '-' || c == '_';
}

static const char *parse_host(struct span text, char *host) {
    if (text.n >= 2 && text.p[0] == '[' && text.p[text.n - 1] == ']')
        return parse_ipv6(span_of(text.p + 1, text.n - 2), host);
    if (text.n == 0 || text.n > HOST_NAME_MAX_BYTES)
        return "expected a host name of 1 to 253 bytes";
    if (memchr(text.p, ':', text.n))
        return "an IPv6 address needs brackets, as in tcp:[::1]:7080";
    bool star = span_equal(text, span_of("*", 1));
    for (size_t i = 0; i < text.n && !star; i++) {
        if (!is_host_byte(text.p[i]))
            return "expected a host name, an IPv4 address, an IPv6 address in brackets, or *";
    }
    memcpy(host, text.p, text.n);
    return NULL;
}

static const char *parse_host_port(struct span text, struct address *out) {
    const char *colon = text.n > 0 ? memrchr(text.p, ':', text.n) : NULL;
    if (!colon || (text.p[0] == '[' && colon[-1] != ']'))
        return "expected HOST:PORT";
    size_t n = (size_t)(colon - text.p);
    const char *reason = parse_host(span_of(text.p, n), out->host);
    return reason ? reason : parse_port(span_of(colon + 1, text.n - n - 1), &out->port);
}

const char *address_parse(struct span text, struct address *out) {
    int step;
    for (size_t i = 0; i < text.n; i += (size_t)step) {
        if ((unsigned char)text.p[i] < 0x20 || text.p[i] == 0x7f)
            return "an address has no control characters";
        step = utf8_step(text.p + i, text.n - i);
        if (step <= 0)
            return "an address is UTF-8"; /* reports and logs name it */
    }
    for (enum address_kind kind = ADDRESS_UNIX; kind <= ADDRESS_UDP; kind++) {
        size_t n = strlen(schemes[kind]);
        if (text.n < n || memcmp(text.p, schemes[kind], n) != 0)
            continue;
        struct span rest = span_of(text.p + n, text.n - n);
        *out = (struct address){.kind = kind};
        return is_local(kind) ? parse_path(rest, out) : parse_host_port(rest, out);
    }
    return "expected an address like unix:/run/sluice.sock or tcp:127.0.0.1:7080";
}

size_t address_print(const struct address *address, char *out, size_t size) {
    const char *scheme = schemes[address->kind];
    int n;
    if (is_local(address->kind)) {
        n = snprintf(out, size, "%s%s", scheme, address->path);
    } else {
        bool brackets = strchr(address->host, ':') != NULL;
        n = snprintf(out, size, brackets ? "%s[%s]:%u" : "%s%s:%u", scheme, address->host, address->port);
    }
    return n > 0 ? (size_t)n : 0;
}

static socklen_t unix_socket(const char *path, struct sockaddr_un *out) {
    size_t n = strlen(path);
    out->sun_family = AF_UNIX;
    memcpy(out->sun_path, path, n); /* zeroed before: a path has its NUL */
    if (path[0] != '@')
        return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + 1);
    out->sun_path[0] = '\0';
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
}

int address_socket(const struct address *address, struct sockaddr_storage *out, socklen_t *length) {
    memset(out, 0, sizeof(*out));
    struct sockaddr_in *v4 = (struct sockaddr_in *)out;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
    if (is_local(address->kind)) {
        *length = unix_socket(address->path, (struct sockaddr_un *)out);
        return 0;
    }
    if (inet_pton(AF_INET, address->host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(address->port);
        *length = sizeof(*v4);
        return 0;
    }
    memset(out, 0, sizeof(*out));
    if (strcmp(address->host, "*") != 0 && inet_pton(AF_INET6, address->host, &v6->sin6_addr) != 1)
        return -EINVAL;
    v6->sin6_family = AF_INET6; /* all zero is in6addr_any */
    v6->sin6_port = htons(address->port);
    *length = sizeof(*v6);
    return 0;
}

static void unix_path(const struct sockaddr_un *from, socklen_t length, char *path) {
    size_t header = offsetof(struct sockaddr_un, sun_path);
    size_t n = length > header ? length - header : 0;
    if (n == 0)
        return;
    if (n > sizeof(from->sun_path)) /* unix(7): a path without its NUL counts one byte more */
        n = sizeof(from->sun_path);
    if (from->sun_path[0] != '\0') {
        memcpy(path, from->sun_path, strnlen(from->sun_path, n));
        return;
    }
    path[0] = '@';
    for (size_t i = 1; i < n; i++) /* any byte may be in an abstract name; this one is for reading */
        path[i] = from->sun_path[i] > ' ' && from->sun_path[i] < 0x7f ? from->sun_path[i] : '?';
}

int address_of_socket(const struct sockaddr_storage *from, socklen_t length, bool datagram,
                      struct address *out) {
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)from;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)from;
    *out = (struct address){.kind = datagram ? ADDRESS_UDP : ADDRESS_TCP};
    switch (from->ss_family) {
    case AF_UNIX:
        out->kind = datagram ? ADDRESS_UNIXGRAM : ADDRESS_UNIX;
        unix_path((const struct sockaddr_un *)from, length, out->path);
        return 0;
    case AF_INET:
        inet_ntop(AF_INET, &v4->sin_addr, out->host, sizeof(out->host));
        out->port = ntohs(v4->sin_port);
        return 0;
    case AF_INET6:
        if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
            inet_ntop(AF_INET, &v6->sin6_addr.s6_addr[12], out->host, sizeof(out->host));
        else
            inet_ntop(AF_INET6, &v6->sin6_addr, out->host, sizeof(out->host));
        out->port = ntohs(v6->sin6_port);
        return 0;
    default:
        return -EAFNOSUPPORT;
    }
}
