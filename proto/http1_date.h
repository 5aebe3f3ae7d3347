/* Dates in HTTP fields (RFC 9110, 5.6.7). */
#ifndef SLUICE_PROTO_HTTP1_DATE_H
#define SLUICE_PROTO_HTTP1_DATE_H

#include "proto/span.h"

#include <time.h>

#define HTTP1_DATE_SIZE 30 /* with the NUL */

/* Writes "Sun, 06 Nov 1994 08:49:37 GMT" and a NUL. Times before 1970 and after 9999 become the nearest that can be
 * written. Takes a few dozen ns; callers that often need the same date keep the text. */
void http1_date(time_t when, char out[HTTP1_DATE_SIZE]);

/* Reads all three formats; the weekday must be a weekday, not necessarily the right one. now decides the century in the
 * format with two-digit years (RFC 9110, 5.6.7: more than 50 years ahead means the past). 0 or -EINVAL. */
int http1_date_parse(struct span text, time_t now, time_t *out);

#endif
