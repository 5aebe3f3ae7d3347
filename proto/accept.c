#include "proto/accept.h"

#include <strings.h>

/* The token before the parameters of a list member. */
static struct span token_of(struct span member) {
    size_t n = 0;
    while (n < member.n && member.p[n] != ';' && member.p[n] != ' ' && member.p[n] != '\t')
        n++;
    return span_of(member.p, n);
}

/* Is the member's weight 0, as in ";q=0" or ";q=0.000"? A malformed weight is none. */
static bool is_refused(struct span member) {
    const char *at = memchr(member.p, ';', member.n), *end = member.p + member.n;
    if (!at)
        return false;
    for (at++; at < end && (*at == ' ' || *at == '\t'); at++)
        continue;
    if (end - at < 3 || (at[0] != 'q' && at[0] != 'Q') || at[1] != '=' || at[2] != '0')
        return false;
    for (at += 3; at < end; at++)
        if (*at >= '1' && *at <= '9')
            return false;
    return true;
}

bool accept_coding(const struct http1_fields *fields, struct span coding) {
    const struct http1_field *field;
    bool any = false;
    for (unsigned i = 0; (field = http1_fields_next(fields, span_of("Accept-Encoding", 15), &i));) {
        struct span rest = field->value, member;
        while (http1_list_next(&rest, &member)) {
            struct span token = token_of(member);
            if (token.n == coding.n && strncasecmp(token.p, coding.p, coding.n) == 0)
                return !is_refused(member);
            if (token.n == 1 && token.p[0] == '*')
                any = !is_refused(member);
        }
    }
    return any;
}
