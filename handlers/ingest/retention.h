/* Removes the oldest segments while they are too old, or while all segments together have too many bytes. */
#ifndef SLUICE_HANDLERS_INGEST_RETENTION_H
#define SLUICE_HANDLERS_INGEST_RETENTION_H

#include <stdint.h>

struct retention_result {
    uint64_t kept, removed; /* segments */
    uint64_t bytes;         /* of those kept */
};

/* Removes segments before number, the oldest first, while all together are over most_bytes (0: any size) or the last
 * write to the oldest was before oldest_ms (0: any age; ms since 1970). The newest one with records always stays: the
 * next sequence is found in it. May sleep. 0 or -errno. */
int retention_apply(int directory, uint64_t number, uint64_t most_bytes, int64_t oldest_ms,
                    struct retention_result *out);

#endif
