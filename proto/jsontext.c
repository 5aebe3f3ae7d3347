#include "proto/jsontext.h"

#include "proto/chars.h"
#include "proto/utf8.h"

#include <stdint.h>

/* What is left of the text; why is set when it is not JSON. */
struct scan {
    const char *p, *end;
    const char *why;
    unsigned depth; /* levels still allowed */
};

static bool refuse(struct scan *scan, const char *why) {
    if (!scan->why)
        scan->why = why;
    return false;
}

static bool is_space(char c) {
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static bool is_digit(char c) {
    return char_is(c, CHAR_DIGIT);
}

static void skip_space(struct scan *scan) {
    while (scan->p < scan->end && is_space(*scan->p))
        scan->p++;
}

/* The next character that is not white space; '\0' at the end. */
static char peek(struct scan *scan) {
    skip_space(scan);
    return scan->p < scan->end ? *scan->p : '\0';
}

/* Four hexadecimal digits; -1 if they are not. */
static int32_t hex4(const char *p, const char *end) {
    int32_t value = 0;
    if (end - p < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int digit = char_hex(p[i]);
        if (digit < 0)
            return -1;
        value = value << 4 | digit;
    }
    return value;
}

static bool is_high(int32_t unit) {
    return unit >= 0xD800 && unit < 0xDC00;
}

static bool is_low(int32_t unit) {
    return unit >= 0xDC00 && unit < 0xE000;
}

/* p is behind "\u". */
static bool skip_unicode(struct scan *scan) {
    int32_t unit = hex4(scan->p, scan->end);
    if (unit < 0)
        return refuse(scan, "\\u is followed by four hexadecimal digits");
    if (unit == 0)
        return refuse(scan, "\\u0000 is not accepted");
    scan->p += 4;
    if (is_low(unit))
        return refuse(scan, "a surrogate without its partner");
    if (!is_high(unit))
        return true;
    if (scan->end - scan->p < 2 || scan->p[0] != '\\' || scan->p[1] != 'u' ||
        !is_low(hex4(scan->p + 2, scan->end)))
        return refuse(scan, "a surrogate without its partner");
    scan->p += 6;
    return true;
}

/* p is behind the backslash. */
static bool skip_escape(struct scan *scan) {
    if (scan->p == scan->end)
        return refuse(scan, "the text ends within a string");
    char c = *scan->p;
    if (c == '\0' || !strchr("\"\\/bfnrtu", c))
        return refuse(scan, "unknown escape in a string");
    scan->p++;
    return c != 'u' || skip_unicode(scan);
}

/* p is at the opening quote. */
static bool skip_string(struct scan *scan) {
    scan->p++;
    while (scan->p < scan->end) {
        unsigned char c = (unsigned char)*scan->p;
        if (c == '"') {
            scan->p++;
            return true;
        }
        if (c < 0x20)
            return refuse(scan, "a control character in a string");
        if (c == '\\') {
            scan->p++;
            if (!skip_escape(scan))
                return false;
        } else if (c < 0x80) {
            scan->p++;
        } else {
            int n = utf8_step(scan->p, (size_t)(scan->end - scan->p));
            if (n <= 0)
                return refuse(scan, "not valid UTF-8");
            scan->p += n;
        }
    }
    return refuse(scan, "the text ends within a string");
}

static bool skip_digits(struct scan *scan) {
    if (scan->p == scan->end || !is_digit(*scan->p))
        return refuse(scan, "a malformed number");
    while (scan->p < scan->end && is_digit(*scan->p))
        scan->p++;
    return true;
}

/* RFC 8259, 6. */
static bool skip_number(struct scan *scan) {
    if (*scan->p == '-')
        scan->p++;
    if (scan->p < scan->end && *scan->p == '0')
        scan->p++;
    else if (!skip_digits(scan))
        return false;
    if (scan->p < scan->end && *scan->p == '.') {
        scan->p++;
        if (!skip_digits(scan))
            return false;
    }
    if (scan->p < scan->end && (*scan->p == 'e' || *scan->p == 'E')) {
        scan->p++;
        if (scan->p < scan->end && (*scan->p == '+' || *scan->p == '-'))
            scan->p++;
        return skip_digits(scan);
    }
    return true;
}

static bool skip_word(struct scan *scan, const char *word) {
    size_t n = strlen(word);
    if ((size_t)(scan->end - scan->p) < n || memcmp(scan->p, word, n) != 0)
        return refuse(scan, "not a JSON value");
    scan->p += n;
    return true;
}

static bool skip_value(struct scan *scan);

static bool skip_name(struct scan *scan) {
    if (peek(scan) != '"')
        return refuse(scan, "a member's name is a string");
    if (!skip_string(scan))
        return false;
    if (peek(scan) != ':')
        return refuse(scan, "a colon follows a member's name");
    scan->p++;
    return true;
}

/* Objects and arrays; p is at the bracket. */
static bool skip_nested(struct scan *scan, char close) {
    if (scan->depth == 0)
        return refuse(scan, "nested too deep");
    scan->depth--;
    scan->p++;
    char c = peek(scan);
    while (c != close) {
        if ((close == '}' && !skip_name(scan)) || !skip_value(scan))
            return false;
        c = peek(scan);
        if (c != close && c != ',')
            return refuse(scan, "a comma or a closing bracket is missing");
        if (c == ',') {
            scan->p++;
            c = peek(scan);
            if (c == close)
                return refuse(scan, "nothing follows a comma");
        }
    }
    scan->p++;
    scan->depth++;
    return true;
}

static bool skip_value(struct scan *scan) {
    char c = peek(scan);
    switch (c) {
    case '{':
        return skip_nested(scan, '}');
    case '[':
        return skip_nested(scan, ']');
    case '"':
        return skip_string(scan);
    case 't':
        return skip_word(scan, "true");
    case 'f':
        return skip_word(scan, "false");
    case 'n':
        return skip_word(scan, "null");
    default:
        if (c == '-' || is_digit(c))
            return skip_number(scan);
        return refuse(scan, scan->p == scan->end ? "the text ends too early" : "not a JSON value");
    }
}

const char *jsontext_check(struct span text, unsigned depth, struct span *value) {
    struct scan scan = {.p = text.p, .end = text.p + text.n, .depth = depth};
    skip_space(&scan);
    const char *start = scan.p;
    if (skip_value(&scan)) {
        *value = span_of(start, (size_t)(scan.p - start));
        skip_space(&scan);
        if (scan.p == scan.end)
            return NULL;
        refuse(&scan, "something follows the value");
    }
    *value = span_of(scan.p, 0);
    return scan.why;
}

bool jsontext_is_blank(struct span text) {
    size_t i = 0;
    while (i < text.n && is_space(text.p[i]))
        i++;
    return i == text.n;
}

enum jsontext_kind jsontext_kind(struct span value) {
    switch (value.p[0]) {
    case '{':
        return JSONTEXT_OBJECT;
    case '[':
        return JSONTEXT_ARRAY;
    case '"':
        return JSONTEXT_STRING;
    case 't':
        return JSONTEXT_TRUE;
    case 'f':
        return JSONTEXT_FALSE;
    case 'n':
        return JSONTEXT_NULL;
    default:
        return JSONTEXT_NUMBER;
    }
}

struct span jsontext_inside(struct span value) {
    return span_of(value.p + 1, value.n - 2);
}

/* A quote ends the string unless an odd number of backslashes stands before it. */
static const char *string_end(const char *p, const char *end) {
    const char *start = p + 1, *quote = start;
    while ((quote = memchr(quote, '"', (size_t)(end - quote)))) {
        const char *back = quote;
        while (back > start && back[-1] == '\\')
            back--;
        quote++;
        if ((quote - 1 - back) % 2 == 0)
            return quote;
    }
    return end;
}

/* The end of the valid value at p. */
static const char *value_end(const char *p, const char *end) {
    unsigned depth = 0;
    while (p < end) {
        char c = *p;
        if (c == '"') {
            p = string_end(p, end);
        } else if (c == '{' || c == '[') {
            depth++;
            p++;
        } else if (c == '}' || c == ']') {
            depth--;
            p++;
        } else if (depth == 0) { /* a word or a number */
            while (p < end && *p != ',' && !is_space(*p))
                p++;
        } else {
            p++;
        }
        if (depth == 0)
            return p;
    }
    return end;
}

/* Takes space and the character mark, if it is there. */
static const char *skip_mark(const char *p, const char *end, char mark) {
    while (p < end && (is_space(*p) || *p == mark))
        p++;
    return p;
}

bool jsontext_element(struct span *rest, struct span *value) {
    const char *end = rest->p + rest->n, *p = skip_mark(rest->p, end, ',');
    if (p == end)
        return false;
    const char *after = value_end(p, end);
    *value = span_of(p, (size_t)(after - p));
    *rest = span_of(after, (size_t)(end - after));
    return true;
}

bool jsontext_member(struct span *rest, struct span *name, struct span *value) {
    const char *end = rest->p + rest->n;
    if (!jsontext_element(rest, name))
        return false;
    const char *p = skip_mark(rest->p, end, ':');
    *rest = span_of(p, (size_t)(end - p));
    return jsontext_element(rest, value);
}

static size_t put_utf8(char *out, uint32_t c) {
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xC0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3F));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xE0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3F));
        out[2] = (char)(0x80 | (c & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3F));
    out[2] = (char)(0x80 | (c >> 6 & 0x3F));
    out[3] = (char)(0x80 | (c & 0x3F));
    return 4;
}

/* Writes the character at *at (an escape is one) to out, which has room for 4 bytes; returns how many. */
static size_t take_character(const char **at, const char *end, char *out) {
    static const char names[] = "bfnrt", values[] = "\b\f\n\r\t";
    const char *p = *at;
    if (*p != '\\') {
        *out = *p;
        *at = p + 1;
        return 1;
    }
    *at = p + 2;
    if (p[1] != 'u') {
        const char *name = strchr(names, p[1]);
        *out = name ? values[name - names] : p[1];
        return 1;
    }
    uint32_t unit = (uint32_t)hex4(p + 2, end);
    *at = p + 6;
    if (is_high((int32_t)unit)) {
        uint32_t low = (uint32_t)hex4(p + 8, end);
        unit = 0x10000 + ((unit & 0x3FF) << 10 | (low & 0x3FF));
        *at = p + 12;
    }
    return put_utf8(out, unit);
}

ssize_t jsontext_string(struct span string, char *out, size_t size) {
    const char *p = string.p + 1, *end = string.p + string.n - 1;
    size_t n = 0;
    if (!memchr(p, '\\', (size_t)(end - p))) {
        n = (size_t)(end - p);
        if (n > size)
            return -1;
        memcpy(out, p, n);
        return (ssize_t)n;
    }
    while (p < end) {
        char bytes[4];
        size_t count = take_character(&p, end, bytes);
        if (size - n < count)
            return -1;
        memcpy(out + n, bytes, count);
        n += count;
    }
    return (ssize_t)n;
}

bool jsontext_is(struct span string, const char *text) {
    const char *p = string.p + 1, *end = string.p + string.n - 1;
    size_t n = strlen(text), at = 0;
    if (!memchr(p, '\\', (size_t)(end - p)))
        return n == (size_t)(end - p) && memcmp(p, text, n) == 0;
    while (p < end) {
        char bytes[4];
        size_t count = take_character(&p, end, bytes);
        if (n - at < count || memcmp(text + at, bytes, count) != 0)
            return false;
        at += count;
    }
    return at == n;
}

struct span jsontext_find(struct span object, const char *name) {
    struct span rest, its, value, found = {0};
    if (!object.p || jsontext_kind(object) != JSONTEXT_OBJECT)
        return found;
    rest = jsontext_inside(object);
    while (jsontext_member(&rest, &its, &value))
        if (jsontext_is(its, name))
            found = value;
    return found;
}
