/* gzip bodies (RFC 1952), bounded: neither much larger than a limit nor much larger than they came. */
#ifndef SLUICE_HANDLERS_INGEST_GUNZIP_H
#define SLUICE_HANDLERS_INGEST_GUNZIP_H

#include "proto/span.h"

/* The whole content, allocated. 0; -EINVAL: no gzip, or cut off; -EFBIG: over most bytes, or, when longer than 64 KiB,
 * over ratio times the body; -ENOMEM. */
int gunzip(struct span body, size_t most, size_t ratio, char **out, size_t *n);

#endif
