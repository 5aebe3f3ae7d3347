#include "proto/http1_fields.h"

#include "proto/little.h"

/* Each byte of a word: is it below 0x20, or 0x7f? The lowest byte marked is right; one above may be marked
 * by the borrow. */
static inline uint64_t word_controls(uint64_t word) {
    const uint64_t ones = UINT64_MAX / 255, tops = ones << 7;
    uint64_t low = (word - ones * 0x20) & ~word & tops;
    uint64_t del = word ^ ones * 0x7f;
    return low | ((del - ones) & ~del & tops);
}

/* The first byte from p on that a field value cannot contain: the CR, in a well-formed line. There is one before
 * end. */
static const char *value_end(const char *p, const char *end) {
    for (;;) {
        while (end - p >= 8) {
            uint64_t controls = word_controls(little_get64(p));
            if (controls) {
                p += __builtin_ctzll(controls) / 8;
                break;
            }
            p += 8;
        }
        while (p < end && char_is(*p, CHAR_VALUE) && *p != '\t')
            p++;
        if (p == end || *p != '\t')
            return p;
        p++;
    }
}

static const char *name_fault(const char *line, char after) {
    if (*line == ' ' || *line == '\t')
        return "a line starts with white space"; /* RFC 9112, 2.2 and 5.2: obs-fold */
    if (after == ' ' || after == '\t')
        return "white space before the colon"; /* RFC 9112, 5.1 */
    return after == '\r' ? "a field line without a colon" : "a byte in a field name that is no token";
}

/* Decodes one line; *at moves behind it. Returns the fault or NULL. */
static const char *field_decode(const char **at, const char *end, struct http1_field *field) {
    const char *line = *at;
    size_t name = char_run(line, (size_t)(end - line), CHAR_TOKEN);
    if (line[name] != ':' || name == 0)
        return name == 0 && line[0] == ':' ? "an empty field name" : name_fault(line, line[name]);
    const char *value = line + name + 1;
    while (char_is(*value, CHAR_SPACE))
        value++;
    const char *after = value_end(value, end);
    if (after[0] != '\r' || after[1] != '\n')
        return "a control byte in a field value";
    *at = after + 2;
    while (after > value && char_is(after[-1], CHAR_SPACE))
        after--;
    field->name = span_of(line, name);
    field->value = span_of(value, (size_t)(after - value));
    return NULL;
}

struct http1_verdict http1_fields_decode(struct span lines, struct http1_fields *fields) {
    const char *at = lines.p, *end = lines.p + lines.n - 2; /* of the last field line */
    fields->n = 0;
    while (at < end) {
        if (fields->n == fields->max)
            return http1_bad(431, "more fields than the limit");
        const char *fault = field_decode(&at, end, &fields->list[fields->n]);
        if (fault)
            return http1_bad(400, fault);
        fields->n++;
    }
    return http1_frame(lines.n);
}

const struct http1_field *http1_fields_next(const struct http1_fields *fields, struct span name,
                                            unsigned *i) {
    while (*i < fields->n) {
        const struct http1_field *field = &fields->list[(*i)++];
        if (span_equal_nocase(field->name, name))
            return field;
    }
    return NULL;
}

unsigned http1_fields_find(const struct http1_fields *fields, struct span name, struct span *value) {
    unsigned i = 0, found = 0;
    *value = span_of(NULL, 0);
    for (const struct http1_field *field; (field = http1_fields_next(fields, name, &i)); found++)
        if (found == 0)
            *value = field->value;
    return found;
}

bool http1_list_next(struct span *rest, struct span *member) {
    if (!rest->p)
        return false;
    const char *comma = rest->n ? memchr(rest->p, ',', rest->n) : NULL;
    size_t n = comma ? (size_t)(comma - rest->p) : rest->n;
    *member = span_trim(span_of(rest->p, n));
    *rest = comma ? span_of(comma + 1, rest->n - n - 1) : span_of(NULL, 0);
    return true;
}
