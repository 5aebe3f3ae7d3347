/* Strict UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef SLUICE_PROTO_UTF8_H
#define SLUICE_PROTO_UTF8_H

#include <stddef.h>

/* The length in bytes (1..4) of the character at the start of n bytes; 0 if they end before it does
 * (also for n == 0), -1 if no character starts like this (Unicode 15, table 3-7). */
int utf8_step(const char *bytes, size_t n);

#endif
