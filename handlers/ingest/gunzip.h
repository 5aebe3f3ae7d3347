/* Decompresses gzip bodies (RFC 1952), bounded both absolutely and relative to their compressed size. */
#ifndef SLUICE_HANDLERS_INGEST_GUNZIP_H
#define SLUICE_HANDLERS_INGEST_GUNZIP_H

#include "proto/span.h"

/* *out becomes the whole content, *n bytes, malloc'ed. 0; -EINVAL: not gzip, or truncated; -EFBIG: more than most
 * bytes, or, if longer than 64 KiB, more than ratio times the body; -ENOMEM. */
int gunzip(struct span body, size_t most, size_t ratio, char **out, size_t *n);

#endif
