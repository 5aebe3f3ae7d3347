/* Compressed siblings: KEY.br, KEY.zst, KEY.gz beside KEY, sent to clients that accept the coding.
 *
 *     precompressed = {"br", "gz"}:  KEY.br accepted and there? -> KEY.gz accepted and there? -> KEY
 *
 * Codings to which the client gives more weight come first; those with less weight than the object as it is are not
 * tried (RFC 9110, 12.5.3).
 *
 * The exchange remembers which one is being tried. */
#ifndef SLUICE_HANDLERS_HTTP_SIBLING_H
#define SLUICE_HANDLERS_HTTP_SIBLING_H

#include "proto/span.h"

#include <stddef.h>

struct exchange;
struct http;

/* Moves on to the next sibling that the client accepts: appends its extension to the n bytes of key (room for size).
 * Returns the new length; n: there are no more, try the object itself. */
size_t sibling_next(const struct http *http, struct exchange *exchange, char *key, size_t n, size_t size);
/* The content coding of the sibling that was tried last; NULL: it is the object itself. */
const char *sibling_coding(const struct exchange *exchange);

#endif
