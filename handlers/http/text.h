/* A text that grows. Running out of memory is recorded, and reported once at the end. */
#ifndef SLUICE_HANDLERS_HTTP_TEXT_H
#define SLUICE_HANDLERS_HTTP_TEXT_H

#include "proto/span.h"

#include <jansson.h>

struct text {
    char *p; /* n bytes and room for one more; NULL: empty */
    size_t n, size;
    bool failed; /* out of memory: what was added since then is missing */
};

void text_add(struct text *text, struct span bytes);
void text_add_number(struct text *text, long long value);
/* Adds the value as compact JSON. */
void text_add_json(struct text *text, const json_t *value);
/* Adds the bytes as a JSON string in quotes; what is not UTF-8 becomes U+FFFD. */
void text_add_quoted(struct text *text, struct span bytes);
/* Is everything there that was added since the text had n bytes? If not, it is removed, and `failed` is reset. */
bool text_is_whole(struct text *text, size_t n);
void text_free(struct text *text);
/* Hands over the bytes, NUL-terminated; text is empty then. NULL: it ran out of memory at some point. */
char *text_take(struct text *text);

static inline void text_add_constant(struct text *text, const char *constant) {
    text_add(text, span_text(constant));
}

#endif
