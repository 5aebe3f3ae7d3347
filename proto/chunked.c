#include "proto/chunked.h"

#include "proto/chars.h"

/* Each byte moves the state, except in DATA. Lines end with CRLF and nothing else: extensions and trailers in which
 * other parsers take a lone CR or LF for the end of a line are a way to smuggle requests. */
enum state {
    SIZE,       /* first digit */
    DIGITS,     /* further ones */
    EXTENSION,  /* white space before the ; of an extension */
    NAME_FIRST, /* RFC 9112, 7.1.1: chunk-ext = *( BWS ";" BWS name [ BWS "=" BWS value ] ) */
    NAME,
    NAME_AFTER,
    VALUE_FIRST,
    VALUE,
    QUOTED, /* RFC 9110, 5.6.4 */
    QUOTED_PAIR,
    QUOTED_AFTER,
    SIZE_LF,
    DATA,
    DATA_CR,
    DATA_LF,
    TRAILER_FIRST, /* RFC 9112, 7.1.2 */
    TRAILER_NAME,
    TRAILER_VALUE,
    TRAILER_LF,
    END_LF,
    DONE,
    FAULT,
};

static enum chunked_event bad(struct chunked *chunked, uint16_t http_status, const char *reason) {
    chunked->state = FAULT;
    chunked->http_status = http_status;
    chunked->reason = reason;
    return CHUNKED_BAD;
}

/* What may follow a size, a whole name or a whole value. */
static enum state after_word(char c) {
    if (c == ';')
        return NAME_FIRST;
    if (char_is(c, CHAR_SPACE))
        return EXTENSION;
    return c == '\r' ? SIZE_LF : FAULT;
}

static enum state in_size(struct chunked *chunked, char c) {
    int digit = char_hex(c);
    if (digit < 0)
        return chunked->state == DIGITS ? after_word(c) : FAULT;
    if (++chunked->digits > 16 || chunked->left > INT64_MAX / 16)
        return FAULT;
    chunked->left = chunked->left * 16 + (unsigned)digit;
    return DIGITS;
}

static enum state in_extension(enum state state, char c) {
    bool space = char_is(c, CHAR_SPACE), token = char_is(c, CHAR_TOKEN);
    switch (state) {
    case EXTENSION:
        return space ? EXTENSION : c == ';' ? NAME_FIRST : FAULT;
    case NAME_FIRST:
        return token ? NAME : space ? NAME_FIRST : FAULT;
    case NAME:
        return token ? NAME : c == '=' ? VALUE_FIRST : space ? NAME_AFTER : after_word(c);
    case NAME_AFTER:
        return space ? NAME_AFTER : c == '=' ? VALUE_FIRST : c == ';' ? NAME_FIRST : FAULT;
    case VALUE_FIRST:
        return token ? VALUE : space ? VALUE_FIRST : c == '"' ? QUOTED : FAULT;
    case VALUE:
        return token ? VALUE : after_word(c);
    case QUOTED:
        return c == '"' ? QUOTED_AFTER : c == '\\' ? QUOTED_PAIR : char_is(c, CHAR_VALUE) ? QUOTED : FAULT;
    case QUOTED_PAIR:
        return char_is(c, CHAR_VALUE) ? QUOTED : FAULT;
    default: /* QUOTED_AFTER */
        return after_word(c);
    }
}

/* A field line, as strict as in a head. */
static enum state in_trailer(enum state state, char c) {
    switch (state) {
    case TRAILER_FIRST:
        return char_is(c, CHAR_TOKEN) ? TRAILER_NAME : c == '\r' ? END_LF : FAULT;
    case TRAILER_NAME:
        return char_is(c, CHAR_TOKEN) ? TRAILER_NAME : c == ':' ? TRAILER_VALUE : FAULT;
    case TRAILER_VALUE:
        return char_is(c, CHAR_VALUE) ? TRAILER_VALUE : c == '\r' ? TRAILER_LF : FAULT;
    case TRAILER_LF:
        return c == '\n' ? TRAILER_FIRST : FAULT;
    default: /* END_LF */
        return c == '\n' ? DONE : FAULT;
    }
}

static enum state in_line_end(struct chunked *chunked, char c) {
    if (chunked->state == DATA_CR)
        return c == '\r' ? DATA_LF : FAULT;
    if (c != '\n')
        return FAULT;
    chunked->digits = 0;
    if (chunked->state == DATA_LF)
        return SIZE;
    return chunked->left > 0 ? DATA : TRAILER_FIRST; /* SIZE_LF */
}

/* The state after this byte; FAULT with *reason. */
static enum state step(struct chunked *chunked, char c, const char **reason) {
    enum state state = chunked->state;
    if (state <= DIGITS) {
        *reason = "bad chunk size";
        return in_size(chunked, c);
    }
    if (state < SIZE_LF) {
        *reason = "bad chunk extension";
        return in_extension(state, c);
    }
    if (state < TRAILER_FIRST) {
        *reason = "a chunk line that does not end with CRLF";
        return in_line_end(chunked, c);
    }
    *reason = "bad trailer section";
    return in_trailer(state, c);
}

static enum chunked_event take_data(struct chunked *chunked, struct span *in, struct span *data) {
    size_t n = chunked->left < in->n ? (size_t)chunked->left : in->n;
    *data = span_of(in->p, n);
    *in = span_of(in->p + n, in->n - n);
    chunked->left -= n;
    if (chunked->left == 0)
        chunked->state = DATA_CR;
    return CHUNKED_DATA;
}

enum chunked_event chunked_decode(struct chunked *chunked, struct span *in, struct span *data) {
    while (in->n > 0) {
        if (chunked->state == DATA)
            return take_data(chunked, in, data);
        const char *reason;
        char c = *in->p;
        *in = span_of(in->p + 1, in->n - 1);
        enum state next = step(chunked, c, &reason);
        if (next == FAULT)
            return bad(chunked, 400, reason);
        chunked->state = (uint8_t)next;
        if (next >= EXTENSION && next < SIZE_LF && ++chunked->extensions > CHUNKED_EXTENSIONS_MAX)
            return bad(chunked, 400, "chunk extensions over the limit");
        if (next >= TRAILER_NAME && next < END_LF && ++chunked->trailers > CHUNKED_TRAILERS_MAX)
            return bad(chunked, 431, "trailers over the limit");
        if (next == DONE)
            return CHUNKED_END;
    }
    return CHUNKED_MORE;
}

size_t chunked_head(char out[CHUNKED_HEAD_MAX], uint64_t size) {
    size_t n = 0;
    for (int shift = 60; shift >= 0; shift -= 4)
        if (n > 0 || size >> shift)
            out[n++] = "0123456789abcdef"[size >> shift & 15];
    memcpy(out + n, "\r\n", 2);
    return n + 2;
}
