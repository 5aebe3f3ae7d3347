#include "proto/accept.h"

/* The part before the next semicolon, without white space around it; *rest is what follows. */
static struct span take_part(struct span *rest) {
    const char *semicolon = rest->n ? memchr(rest->p, ';', rest->n) : NULL;
    size_t n = semicolon ? (size_t)(semicolon - rest->p) : rest->n, taken = semicolon ? n + 1 : n;
    struct span part = span_trim(span_of(rest->p, n));
    *rest = span_of(rest->p + taken, rest->n - taken);
    return part;
}

/* A weight in thousandths; a malformed one counts as if it were missing, which is 1 (RFC 9110, 12.4.2). */
static unsigned decode_weight(struct span text) {
    static const unsigned places[] = {100, 10, 1};
    unsigned weight = 0;
    if (text.n == 0 || text.n > 5 || text.p[0] != '0' || (text.n > 1 && text.p[1] != '.'))
        return ACCEPT_FULLY;
    for (size_t i = 2; i < text.n; i++) {
        if (!char_is(text.p[i], CHAR_DIGIT))
            return ACCEPT_FULLY;
        weight += (unsigned)(text.p[i] - '0') * places[i - 2];
    }
    return weight;
}

/* The weight among a list member's parameters: "q=0.5". */
static unsigned weight_of(struct span parameters) {
    while (parameters.n > 0) {
        struct span part = take_part(&parameters);
        if (part.n >= 2 && char_lower(part.p[0]) == 'q' && part.p[1] == '=')
            return decode_weight(span_of(part.p + 2, part.n - 2));
    }
    return ACCEPT_FULLY;
}

/* How specifically a member of the list matches what is wanted; 0: not at all. */
typedef unsigned precision_fn(struct span name, struct span wanted);

/* The weight of the most specific member that matches what is wanted, the first of these; 0: there is none. */
static unsigned weight_in(const struct http1_fields *fields, struct span field_name, struct span wanted,
                          precision_fn *precision) {
    const struct http1_field *field;
    unsigned best = 0, weight = 0;
    for (unsigned i = 0; (field = http1_fields_next(fields, field_name, &i));) {
        struct span list = field->value, member;
        while (http1_list_next(&list, &member)) {
            unsigned it = precision(take_part(&member), wanted);
            if (it > best) {
                best = it;
                weight = weight_of(member);
            }
        }
    }
    return weight;
}

static unsigned coding_precision(struct span name, struct span wanted) {
    if (span_equal_nocase(name, wanted))
        return 2;
    return span_equal(name, span_text("*"));
}

static unsigned type_precision(struct span name, struct span wanted) {
    const char *slash = memchr(wanted.p, '/', wanted.n);
    size_t main_n = (size_t)(slash - wanted.p) + 1;
    if (span_equal_nocase(name, wanted))
        return 3;
    if (name.n == main_n + 1 && name.p[main_n] == '*' &&
        span_equal_nocase(span_of(name.p, main_n), span_of(wanted.p, main_n)))
        return 2;
    return span_equal(name, span_text("*/*"));
}

unsigned accept_coding(const struct http1_fields *fields, struct span coding) {
    return weight_in(fields, span_text("Accept-Encoding"), coding, coding_precision);
}

unsigned accept_type(const struct http1_fields *fields, struct span type) {
    return weight_in(fields, span_text("Accept"), type, type_precision);
}
