/* A second opinion on heads that were accepted: slow, simple, and written without a look at the first one. */
#ifndef SLUICE_TESTS_NAIVE_HEAD_H
#define SLUICE_TESTS_NAIVE_HEAD_H

#include "tests/fuzz/fuzz.h"

#include "proto/http1_framing.h"

#include <strings.h>

struct naive_head {
    unsigned lines; /* after the first one */
    unsigned lengths, codings, hosts;
    char length[64], coding[64]; /* the last value of each */
};

static inline bool naive_is(const char *line, size_t n, const char *name) {
    return n == strlen(name) && strncasecmp(line, name, n) == 0;
}

static inline void naive_value(const char *value, size_t n, char out[64]) {
    while (n > 0 && (*value == ' ' || *value == '\t')) {
        value++;
        n--;
    }
    while (n > 0 && (value[n - 1] == ' ' || value[n - 1] == '\t'))
        n--;
    n = n < 63 ? n : 63;
    memcpy(out, value, n);
    out[n] = '\0';
}

static inline void naive_line(struct naive_head *head, const char *line, size_t n) {
    const char *colon = memchr(line, ':', n);
    fuzz_check(colon && colon > line && *line != ' ' && *line != '\t');
    size_t name = (size_t)(colon - line);
    fuzz_check(!memchr(line, ' ', name) && !memchr(line, '\t', name));
    head->lines++;
    head->hosts += naive_is(line, name, "host");
    if (naive_is(line, name, "content-length")) {
        head->lengths++;
        naive_value(colon + 1, n - name - 1, head->length);
    }
    if (naive_is(line, name, "transfer-encoding")) {
        head->codings++;
        naive_value(colon + 1, n - name - 1, head->coding);
    }
}

/* Takes n bytes, a head from its first line to its empty line, apart. */
static inline struct naive_head naive_head_of(const char *bytes, size_t n) {
    struct naive_head head = {0};
    for (size_t i = 0; i < n; i++) {
        fuzz_check(bytes[i] != '\0');
        fuzz_check(bytes[i] != '\n' || (i > 0 && bytes[i - 1] == '\r'));
        fuzz_check(bytes[i] != '\r' || (i + 1 < n && bytes[i + 1] == '\n'));
    }
    fuzz_check(n >= 4 && memcmp(bytes + n - 4, "\r\n\r\n", 4) == 0);
    const char *line = (const char *)memchr(bytes, '\n', n) + 1, *end = bytes + n - 2;
    while (line < end) {
        const char *lf = memchr(line, '\n', (size_t)(end - line));
        fuzz_check(lf && lf - line >= 2);
        naive_line(&head, line, (size_t)(lf - line) - 1);
        line = lf + 1;
    }
    return head;
}

/* Does the framing say of the body what the fields say? For messages whose status or method does not matter.
 */
static inline void naive_framing(const struct naive_head *head, const struct http1_framing *framing) {
    fuzz_check(head->lengths + head->codings <= 1);
    fuzz_check((framing->body == HTTP1_BODY_CHUNKED) == (head->codings == 1));
    if (head->codings)
        fuzz_check(strcasecmp(head->coding, "chunked") == 0);
    if (head->lengths) {
        fuzz_check(strspn(head->length, "0123456789") == strlen(head->length) && head->length[0]);
        fuzz_check(strlen(head->length) == 63 || framing->length == strtoull(head->length, NULL, 10));
        fuzz_check((framing->body == HTTP1_BODY_LENGTH) == (framing->length > 0));
    }
}

#endif
