#include "handlers/http/title.h"

#include "proto/chars.h"
#include "proto/uri.h"

#include <errno.h>
#include <stdio.h>

static int refuse(char *why, size_t why_size, const char *reason) {
    snprintf(why, why_size, "%s", reason);
    return -EINVAL;
}

bool title_next(struct span *rest, enum title_segment *kind, struct span *name) {
    if (rest->n == 0)
        return false;
    const char *start = rest->p + 1, *end = memchr(start, '/', rest->n - 1);
    size_t n = end ? (size_t)(end - start) : rest->n - 1;
    *name = span_of(start, n);
    *rest = span_of(start + n, rest->n - 1 - n);
    if (n > 0 && start[0] == ':') {
        *kind = TITLE_PARAM;
        *name = span_of(start + 1, n - 1);
    } else {
        *kind = n == 1 && start[0] == '*' ? TITLE_STAR : TITLE_LITERAL;
    }
    return true;
}

static bool is_name(struct span name) {
    for (size_t i = 0; i < name.n; i++)
        if (!char_is(name.p[i], CHAR_UNRESERVED))
            return false;
    return name.n > 0;
}

static const char *check_params(struct span path) {
    struct span names[EXCHANGE_PARAMS], name;
    enum title_segment kind;
    unsigned count = 0;
    while (title_next(&path, &kind, &name)) {
        if (kind == TITLE_LITERAL) {
            if (memchr(name.p, '*', name.n))
                return "a star is a whole segment";
            continue;
        }
        if (kind == TITLE_STAR && path.n > 0)
            return "a star is the last segment";
        if (kind == TITLE_PARAM && !is_name(name))
            return "the name of a :param is made of letters, digits and -._~";
        if (count == EXCHANGE_PARAMS)
            return "more than 8 parameters";
        for (unsigned i = 0; i < count; i++)
            if (span_equal(names[i], name))
                return "two parameters have the same name";
        names[count++] = name;
    }
    return NULL;
}

static const char *check_host(struct span host) {
    struct uri_authority authority;
    if (host.n == 0)
        return NULL;
    if (uri_authority_decode(host, &authority) != 0)
        return "not a host before the path";
    return authority.host.n == host.n ? NULL : "a host has no port here: requests match on any port";
}

/* The method before the first space, and what follows. */
static const char *take_method(struct span *text, enum http1_method *method) {
    const char *space = memchr(text->p, ' ', text->n);
    *method = HTTP1_OTHER;
    if (!space)
        return NULL;
    struct span word = span_of(text->p, (size_t)(space - text->p));
    *text = span_trim(span_of(space, text->n - word.n));
    if (span_equal(word, span_text("*")))
        return NULL;
    *method = http1_method_of(word);
    if (*method == HTTP1_CONNECT)
        return "CONNECT has no path";
    return *method == HTTP1_OTHER ? "not a method: they are in capitals, or * for any" : NULL;
}

int title_parse(const char *text, struct title *out, char *why, size_t why_size) {
    struct span rest = span_trim(span_text(text));
    const char *reason = take_method(&rest, &out->method);
    if (reason)
        return refuse(why, why_size, reason);
    const char *slash = memchr(rest.p, '/', rest.n);
    if (!slash)
        return refuse(why, why_size, "no path: a title is [METHOD] [HOST]/PATH");
    out->host = span_of(rest.p, (size_t)(slash - rest.p));
    out->path = span_of(slash, rest.n - out->host.n);
    if (char_run(slash, out->path.n, CHAR_TARGET) != out->path.n || memchr(slash, '?', out->path.n))
        return refuse(why, why_size, "a path is percent-encoded and has no query");
    reason = check_host(out->host);
    if (!reason)
        reason = check_params(out->path);
    return reason ? refuse(why, why_size, reason) : 0;
}
