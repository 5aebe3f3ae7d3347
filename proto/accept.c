#include "proto/accept.h"

/* The token before the parameters of a list member. */
static struct span token_of(struct span member) {
    size_t n = 0;
    while (n < member.n && member.p[n] != ';' && !char_is(member.p[n], CHAR_SPACE))
        n++;
    return span_of(member.p, n);
}

/* A weight in thousandths; one that is malformed counts as none, which is 1 (RFC 9110, 12.4.2). */
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

/* The weight behind a list member's token: ";q=0.5". */
static unsigned weight_of(struct span member, struct span token) {
    struct span rest = span_trim(span_of(token.p + token.n, member.n - token.n));
    if (rest.n == 0)
        return ACCEPT_FULLY;
    rest = span_trim(span_of(rest.p + 1, rest.n - 1)); /* behind the semicolon */
    if (rest.n < 2 || char_lower(rest.p[0]) != 'q' || rest.p[1] != '=')
        return ACCEPT_FULLY;
    return decode_weight(token_of(span_of(rest.p + 2, rest.n - 2)));
}

unsigned accept_coding(const struct http1_fields *fields, struct span coding) {
    const struct http1_field *field;
    unsigned any = 0;
    for (unsigned i = 0; (field = http1_fields_next(fields, span_of("Accept-Encoding", 15), &i));) {
        struct span rest = field->value, member;
        while (http1_list_next(&rest, &member)) {
            struct span token = token_of(member);
            if (span_equal_nocase(token, coding))
                return weight_of(member, token);
            if (span_equal(token, span_text("*")))
                any = weight_of(member, token);
        }
    }
    return any;
}
