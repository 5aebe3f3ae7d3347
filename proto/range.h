/* Byte ranges (RFC 9110, 14). */
#ifndef SLUICE_PROTO_RANGE_H
#define SLUICE_PROTO_RANGE_H

#include "proto/span.h"

#include <stdint.h>

#define RANGE_TEXT 69 /* "bytes ", three numbers of 20 digits, what is between them, NUL */

struct range {
    uint64_t offset, count; /* within the object; count is at least 1 */
};

enum range_result {
    RANGE_WHOLE, /* the field does not apply: answer 200 with everything */
    RANGE_PARTS, /* 206 */
    RANGE_NONE,  /* 416: nothing of it is within the object */
};

/* Decodes a Range field for an object of size bytes into *n ranges, at most max, in the order asked for. Fields with
 * other units and malformed fields do not apply (14.2), nor do those with more than max satisfiable ranges, or with
 * ranges that add up to more than the object (they overlap; 14.2 allows us to ignore them). */
enum range_result range_decode(struct span value, uint64_t size, struct range *ranges, unsigned max,
                               unsigned *n);

/* Writes the value of Content-Range (14.4): "bytes 0-99/1000", or for NULL "bytes *" "/1000". Returns its length. */
size_t range_print(const struct range *range, uint64_t size, char out[RANGE_TEXT]);

#endif
