/* A text that grows. Out of memory is noted, and told once at the end. */
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
/* The value, compact. */
void text_add_json(struct text *text, const json_t *value);
/* The text as a JSON string with its quotes; what is not UTF-8 becomes U+FFFD. */
void text_add_quoted(struct text *text, struct span bytes);
/* Is all there that was added since the text had n bytes? If not, it is taken back, and the text is good again. */
bool text_is_whole(struct text *text, size_t n);
void text_free(struct text *text);
/* Hands the bytes over, NUL-terminated; text is empty then. NULL: out of memory some time. */
char *text_take(struct text *text);

static inline void text_add_constant(struct text *text, const char *constant) {
    text_add(text, span_text(constant));
}

#endif
