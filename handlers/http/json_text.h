/* Texts as JSON strings (RFC 8259, 7). */
#ifndef SLUICE_HANDLERS_HTTP_JSON_TEXT_H
#define SLUICE_HANDLERS_HTTP_JSON_TEXT_H

#include "proto/span.h"

/* Writes a character of ASCII as it stands between quotes: itself or an escape. Returns the length. */
size_t json_text_put(char c, char out[static 6]);

/* The most bytes that a quoted text of n bytes takes. */
static inline size_t json_text_room(size_t n) {
    return 6 * n + 2;
}

/* Writes the text in quotes to out, which has json_text_room(text.n) bytes; no NUL. Bytes that are not UTF-8 are taken
 * for Latin-1. Returns the length. */
size_t json_text_quote(struct span text, char *out);

#endif
