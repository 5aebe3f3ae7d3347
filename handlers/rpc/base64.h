/* Base64 with padding (RFC 4648, 4). */
#ifndef SLUICE_HANDLERS_RPC_BASE64_H
#define SLUICE_HANDLERS_RPC_BASE64_H

#include "handlers/http/text.h"

#include <sys/types.h>

/* Adds the bytes, encoded, in quotes. */
void base64_add(struct text *text, struct span bytes);
/* Decodes text to out. Returns the length; -1: malformed, or longer than size. */
ssize_t base64_decode(struct span text, char *out, size_t size);

#endif
