/* Classes of bytes in HTTP and URIs: one table, one look-up a byte, independent of the locale. */
#ifndef SLUICE_PROTO_CHARS_H
#define SLUICE_PROTO_CHARS_H

#include "proto/span.h"

#include <stdint.h>

enum char_class {
    CHAR_TOKEN = 1,      /* RFC 9110, 5.6.2: tchar */
    CHAR_VALUE = 2,      /* RFC 9110, 5.5: HTAB, SP, VCHAR, obs-text */
    CHAR_TARGET = 4,     /* a request target; see chars.c */
    CHAR_UNRESERVED = 8, /* RFC 3986, 2.3 */
    CHAR_ETAG = 16,      /* RFC 9110, 8.8.3: etagc */
    CHAR_SPACE = 32,     /* RFC 9110, 5.6.3: HTAB, SP */
    CHAR_DIGIT = 64,
};

extern const uint8_t char_classes[256];

static inline bool char_is(char c, enum char_class class) {
    return (char_classes[(uint8_t)c] & class) != 0;
}

/* The number of bytes at the start of p (n bytes) that belong to the class. */
static inline size_t char_run(const char *p, size_t n, enum char_class class) {
    size_t i = 0;
    while (i < n && char_is(p[i], class))
        i++;
    return i;
}

static inline char char_lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* Value of a hexadecimal digit; -1 for any other byte. */
static inline int char_hex(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    c = char_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Equal but for the case of ASCII letters. */
static inline bool span_equal_nocase(struct span a, struct span b) {
    if (a.n != b.n)
        return false;
    for (size_t i = 0; i < a.n; i++)
        if (char_lower(a.p[i]) != char_lower(b.p[i]))
            return false;
    return true;
}

/* The span without white space (HTAB, SP) at both ends. */
static inline struct span span_trim(struct span s) {
    while (s.n > 0 && char_is(s.p[0], CHAR_SPACE))
        s = span_of(s.p + 1, s.n - 1);
    while (s.n > 0 && char_is(s.p[s.n - 1], CHAR_SPACE))
        s.n--;
    return s;
}

/* A number of one or more digits and nothing else. 0, -EINVAL, or -ERANGE when it is over max. */
int span_number(struct span digits, uint64_t max, uint64_t *out);

#endif
