/* CRC-32C (Castagnoli, RFC 3720 B.4): the checksum of log records. */
#ifndef SLUICE_PROTO_CRC32C_H
#define SLUICE_PROTO_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Continues from crc, which is 0 for the first bytes. Uses the processor's instruction where there is one. */
uint32_t crc32c(uint32_t crc, const void *bytes, size_t n);
/* The same, bit by bit, on any processor: slow. */
uint32_t crc32c_portable(uint32_t crc, const void *bytes, size_t n);

#endif
