/* What the fuzz targets share: each checks properties, not only that nothing crashes. */
#ifndef SLUICE_TESTS_FUZZ_H
#define SLUICE_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Ends the process, so that the fuzzer keeps the input. */
#define fuzz_check(condition)                                                                                \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);                   \
            abort();                                                                                         \
        }                                                                                                    \
    } while (0)

/* A copy of exactly n bytes, so that AddressSanitizer sees a read past them; to be freed. */
static inline char *fuzz_copy(const void *bytes, size_t n) {
    char *copy = malloc(n ? n : 1);
    fuzz_check(copy);
    if (n > 0)
        memcpy(copy, bytes, n);
    return copy;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
