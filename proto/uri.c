#include "proto/uri.h"

#include "proto/chars.h"

#include <arpa/inet.h>
#include <errno.h>

static bool is_ipv6(struct span text) {
    char copy[INET6_ADDRSTRLEN];
    struct in6_addr address;
    if (text.n >= sizeof(copy) || memchr(text.p, '\0', text.n))
        return false;
    memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    return inet_pton(AF_INET6, copy, &address) == 1;
}

/* Bytes of the host at the start of text; 0 if there is none. */
static size_t host_length(struct span text) {
    if (text.n == 0 || text.p[0] != '[')
        return char_run(text.p, text.n, CHAR_UNRESERVED);
    const char *close = memchr(text.p, ']', text.n);
    if (!close || !is_ipv6(span_of(text.p + 1, (size_t)(close - text.p) - 1)))
        return 0;
    return (size_t)(close - text.p) + 1;
}

int uri_authority_decode(struct span text, struct uri_authority *out) {
    size_t n = host_length(text);
    if (n == 0 || n > URI_HOST_MAX)
        return -EINVAL;
    *out = (struct uri_authority){span_of(text.p, n), -1};
    if (n == text.n)
        return 0;
    struct span digits = span_of(text.p + n + 1, text.n - n - 1);
    uint64_t port;
    if (text.p[n] != ':')
        return -EINVAL;
    if (digits.n == 0) /* RFC 3986, 6.2.3: as if there were no colon */
        return 0;
    if (digits.n > 5 || span_number(digits, UINT16_MAX, &port) != 0)
        return -EINVAL;
    out->port = (int)port;
    return 0;
}

bool uri_authority_equal(const struct uri_authority *a, const struct uri_authority *b, int port_default) {
    int port_a = a->port < 0 ? port_default : a->port;
    int port_b = b->port < 0 ? port_default : b->port;
    return port_a == port_b && span_equal_nocase(a->host, b->host);
}

/* The byte that the escape at the start of n bytes stands for; -1 for a broken one and for NUL. */
static int escaped(const char *p, size_t n) {
    if (n < 3)
        return -1;
    int high = char_hex(p[1]), low = char_hex(p[2]);
    return high < 0 || low < 0 || high + low == 0 ? -1 : high * 16 + low;
}

static ssize_t decode(struct span in, char *out, size_t size, char space) {
    size_t n = 0;
    for (size_t i = 0; i < in.n; i++) {
        char c = in.p[i];
        if (c == '%') {
            int value = escaped(in.p + i, in.n - i);
            if (value < 0)
                return -EINVAL;
            c = (char)value;
            i += 2;
        } else if (c == '\0') {
            return -EINVAL;
        } else if (c == space) {
            c = ' ';
        }
        if (n == size)
            return -ENOBUFS;
        out[n++] = c;
    }
    return (ssize_t)n;
}

ssize_t uri_decode(struct span in, char *out, size_t size) {
    return decode(in, out, size, ' ');
}

ssize_t uri_form_decode(struct span in, char *out, size_t size) {
    return decode(in, out, size, '+');
}

/* Neither an escape nor a segment that starts with a dot. */
static bool is_normal(struct span path) {
    for (size_t i = 0; i < path.n; i++)
        if (path.p[i] == '%' || (path.p[i] == '/' && i + 1 < path.n && path.p[i + 1] == '.'))
            return false;
    return true;
}

/* Copies to out up to the next slash. Returns what was written, or -EINVAL. *in moves to the slash. */
static ssize_t normalise_segment(struct span *in, char *out) {
    size_t n = 0, i = 0;
    while (i < in->n && in->p[i] != '/') {
        if (in->p[i] != '%') {
            out[n++] = in->p[i++];
            continue;
        }
        int value = escaped(in->p + i, in->n - i);
        if (value < 0)
            return -EINVAL;
        if (char_is((char)value, CHAR_UNRESERVED)) {
            out[n++] = (char)value;
        } else {
            out[n++] = '%';
            out[n++] = "0123456789ABCDEF"[value >> 4];
            out[n++] = "0123456789ABCDEF"[value & 15];
        }
        i += 3;
    }
    *in = span_of(in->p + i, in->n - i);
    return (ssize_t)n;
}

int uri_normalise(struct span path, char *out, size_t size, struct span *normal) {
    if (path.n == 0 || path.p[0] != '/')
        return -EINVAL;
    *normal = path;
    if (is_normal(path))
        return 0;
    if (size < path.n)
        return -ENOBUFS;
    size_t n = 0; /* what out holds: whole segments, each with its slash before it */
    while (path.n > 0) {
        path = span_of(path.p + 1, path.n - 1);
        out[n] = '/';
        ssize_t length = normalise_segment(&path, out + n + 1);
        if (length < 0)
            return -EINVAL;
        struct span segment = span_of(out + n + 1, (size_t)length);
        bool up = span_equal(segment, span_text(".."));
        if (!up && !span_equal(segment, span_text("."))) {
            n += 1 + segment.n;
            continue;
        }
        if (up && n == 0)
            return -EINVAL;
        while (up && out[--n] != '/')
            ;
        if (path.n == 0) /* a last dot segment leaves its slash */
            out[n++] = '/';
    }
    *normal = span_of(out, n);
    return 0;
}

bool uri_query_next(struct span *rest, struct uri_pair *pair) {
    while (rest->n > 0) {
        const char *end = memchr(rest->p, '&', rest->n);
        size_t n = end ? (size_t)(end - rest->p) : rest->n;
        struct span whole = span_of(rest->p, n);
        *rest = end ? span_of(end + 1, rest->n - n - 1) : span_of(rest->p + n, 0);
        if (n == 0)
            continue;
        const char *equals = memchr(whole.p, '=', n);
        size_t name = equals ? (size_t)(equals - whole.p) : n;
        pair->name = span_of(whole.p, name);
        pair->value = equals ? span_of(equals + 1, n - name - 1) : span_of(NULL, 0);
        return true;
    }
    return false;
}
