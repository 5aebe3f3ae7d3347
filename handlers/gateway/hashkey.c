#include "handlers/gateway/hashkey.h"

#include "handlers/gateway/hashring.h"
#include "proto/chars.h"
#include "reactor/exchange.h"
#include "reactor/peers.h"

/* What follows `kind:` in text; p is NULL if it is of another kind. */
static struct span argument(const char *text, const char *kind) {
    struct span whole = span_text(text), start = span_text(kind);
    if (whole.n <= start.n || memcmp(whole.p, start.p, start.n) != 0)
        return span_of(NULL, 0);
    return span_of(whole.p + start.n, whole.n - start.n);
}

bool hashkey_is_good(const char *text) {
    static const char *const words[] = {"source", "path", "uri"};
    struct span name = argument(text, "header:");
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcmp(text, words[i]) == 0)
            return true;
    if (!name.p)
        name = argument(text, "cookie:");
    return name.p && char_run(name.p, name.n, CHAR_TOKEN) == name.n;
}

/* RFC 6265, 4.2.1: pairs NAME=VALUE with "; " between them. */
static struct span cookie(const struct exchange *exchange, struct span name) {
    const struct http1_field *field;
    unsigned i = 0;
    while ((field = http1_fields_next(&exchange->head.fields, span_text("Cookie"), &i)))
        for (struct span rest = field->value; rest.n > 0;) {
            const char *end = memchr(rest.p, ';', rest.n);
            size_t n = end ? (size_t)(end - rest.p) : rest.n;
            struct span pair = span_trim(span_of(rest.p, n));
            size_t skip = n + (end != NULL);
            rest = span_of(rest.p + skip, rest.n - skip);
            if (pair.n > name.n && memcmp(pair.p, name.p, name.n) == 0 && pair.p[name.n] == '=')
                return span_of(pair.p + name.n + 1, pair.n - name.n - 1);
        }
    return span_of(NULL, 0);
}

static struct span field_named(const struct exchange *exchange, struct span name) {
    struct span value;
    return http1_fields_find(&exchange->head.fields, name, &value) > 0 ? value : span_of(NULL, 0);
}

uint64_t hashkey_of(const char *text, const struct exchange *exchange, const struct peer_key *source) {
    struct span name, value;
    uint64_t hash = 0;
    if (!exchange || strcmp(text, "source") == 0) {
        value = span_of(NULL, 0);
    } else if (strcmp(text, "path") == 0) {
        value = exchange->path;
    } else if (strcmp(text, "uri") == 0) {
        value = exchange->path;
        hash = hashring_hash(0, exchange->head.query);
    } else if ((name = argument(text, "cookie:")).p) {
        value = cookie(exchange, name);
    } else {
        value = field_named(exchange, argument(text, "header:"));
    }
    if (!value.p)
        value = span_of((const char *)source, sizeof(*source));
    return hashring_hash(hash, value);
}
