/* Compressed siblings: KEY.br, KEY.zst, KEY.gz beside KEY, sent to clients that accept the coding.
 *
 *     precompressed = {"br", "gz"}:  KEY.br accepted and there? -> KEY.gz accepted and there? -> KEY
 *
 * What the client weights more comes before, and nothing that it weights less than the object as it is (RFC 9110,
 * 12.5.3).
 *
 * Which one is being tried hangs on the exchange. */
#ifndef SLUICE_HANDLERS_HTTP_SIBLING_H
#define SLUICE_HANDLERS_HTTP_SIBLING_H

#include "proto/span.h"

#include <stddef.h>

struct exchange;
struct http;

/* Goes on to the next sibling that the client accepts: appends its ending to the n bytes of key (room for size).
 * Returns the new length; n: there are no further ones, the object itself is to be tried. */
size_t sibling_next(const struct http *http, struct exchange *exchange, char *key, size_t n, size_t size);
/* The content coding of the sibling that was tried last; NULL: it is the object itself. */
const char *sibling_coding(const struct exchange *exchange);

#endif
