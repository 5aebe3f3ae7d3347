#include "proto/conditional.h"

#include "proto/http1_date.h"

bool etag_next(struct span *rest, struct span *etag) {
    const char *p = rest->p, *end = rest->p + rest->n;
    while (p < end && (*p == ',' || char_is(*p, CHAR_SPACE)))
        p++;
    const char *start = p;
    *rest = span_of(end, 0);
    if (end - p >= 2 && p[0] == 'W' && p[1] == '/')
        p += 2;
    if (p == end || *p++ != '"')
        return false;
    p += char_run(p, (size_t)(end - p), CHAR_ETAG);
    if (p == end || *p++ != '"')
        return false;
    *etag = span_of(start, (size_t)(p - start));
    while (p < end && char_is(*p, CHAR_SPACE))
        p++;
    if (p < end && *p != ',')
        return false;
    *rest = span_of(p, (size_t)(end - p));
    return true;
}

static bool is_weak(struct span etag) {
    return etag.n > 0 && etag.p[0] == 'W';
}

bool etag_equal_strong(struct span a, struct span b) {
    return !is_weak(a) && a.n > 0 && span_equal(a, b);
}

bool etag_equal_weak(struct span a, struct span b) {
    if (is_weak(a))
        a = span_of(a.p + 2, a.n - 2);
    if (is_weak(b))
        b = span_of(b.p + 2, b.n - 2);
    return a.n > 0 && span_equal(a, b);
}

/* Does any tag in the fields of this name match, or "*"? */
static bool any_tag(const struct http1_fields *fields, struct span name, const struct representation *now,
                    bool (*equal)(struct span, struct span)) {
    const struct http1_field *field;
    for (unsigned i = 0; (field = http1_fields_next(fields, name, &i));) {
        struct span rest = field->value, etag;
        if (span_equal(rest, span_text("*")) && now->exists)
            return true;
        while (etag_next(&rest, &etag))
            if (now->exists && equal(etag, now->etag))
                return true;
    }
    return false;
}

/* The date in the only field of this name. False without one, and if it must be ignored: when it is malformed or a
 * list, or there is no date to compare it with (RFC 9110, 13.1.3 and 13.1.4). */
static bool dated(const struct http1_fields *fields, struct span name,
                  const struct representation *representation, time_t now, time_t *out) {
    struct span value;
    return representation->dated && http1_fields_find(fields, name, &value) == 1 &&
           http1_date_parse(value, now, out) == 0;
}

/* RFC 9110, 13.1.5: an exact match. A client that sends a date has made sure that it is a strong validator. */
static bool if_range_holds(const struct http1_fields *fields, const struct representation *representation,
                           time_t now) {
    struct span value, etag;
    time_t date;
    unsigned found = http1_fields_find(fields, span_text("If-Range"), &value);
    if (found != 1)
        return found == 0;
    if (representation->dated && http1_date_parse(value, now, &date) == 0)
        return date == representation->modified;
    return etag_next(&value, &etag) && value.n == 0 && etag_equal_strong(etag, representation->etag);
}

enum conditional conditional_judge(const struct http1_fields *fields, enum http1_method method,
                                   const struct representation *representation, time_t now,
                                   struct span *range) {
    const struct span if_match = span_text("If-Match"), if_none_match = span_text("If-None-Match");
    bool safe = method == HTTP1_GET || method == HTTP1_HEAD;
    struct span value;
    time_t date;
    *range = span_of(NULL, 0);
    if (http1_fields_find(fields, if_match, &value) > 0) {
        if (!any_tag(fields, if_match, representation, etag_equal_strong))
            return CONDITIONAL_PRECONDITION_FAILED;
    } else if (dated(fields, span_text("If-Unmodified-Since"), representation, now, &date) &&
               representation->modified > date) {
        return CONDITIONAL_PRECONDITION_FAILED;
    }
    if (http1_fields_find(fields, if_none_match, &value) > 0) {
        if (any_tag(fields, if_none_match, representation, etag_equal_weak))
            return safe ? CONDITIONAL_NOT_MODIFIED : CONDITIONAL_PRECONDITION_FAILED;
    } else if (safe && dated(fields, span_text("If-Modified-Since"), representation, now, &date) &&
               representation->modified <= date) {
        return CONDITIONAL_NOT_MODIFIED;
    }
    if (method == HTTP1_GET && http1_fields_find(fields, span_text("Range"), &value) == 1 &&
        if_range_holds(fields, representation, now))
        *range = value;
    return CONDITIONAL_PROCEED;
}
