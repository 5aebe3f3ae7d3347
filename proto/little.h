/* Little-endian integers at any alignment: all of our own wire and file formats. */
#ifndef SLUICE_PROTO_LITTLE_H
#define SLUICE_PROTO_LITTLE_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

static inline void little_put32(void *out, uint32_t value) {
    value = htole32(value);
    memcpy(out, &value, sizeof(value));
}

static inline void little_put64(void *out, uint64_t value) {
    value = htole64(value);
    memcpy(out, &value, sizeof(value));
}

static inline uint32_t little_get32(const void *bytes) {
    uint32_t value;
    memcpy(&value, bytes, sizeof(value));
    return le32toh(value);
}

static inline uint64_t little_get64(const void *bytes) {
    uint64_t value;
    memcpy(&value, bytes, sizeof(value));
    return le64toh(value);
}

#endif
