/* Numbers for people. */
#ifndef SLUICE_SLUICE_UNITS_H
#define SLUICE_SLUICE_UNITS_H

#include <stdint.h>

#define UNITS_TEXT 32

/* "512 B", "1.5 MiB". */
void units_bytes(char out[UNITS_TEXT], double bytes);
/* "-1,234,567". */
void units_grouped(char out[UNITS_TEXT], int64_t number);
/* "0.013", and from 1,000 on "1,235". */
void units_real(char out[UNITS_TEXT], double number);
/* "2023-11-14T22:13:20.123456789Z" (RFC 3339) for a time since 1970. */
void units_time(char out[UNITS_TEXT], int64_t ns);

#endif
