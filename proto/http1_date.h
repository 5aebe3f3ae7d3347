/* Dates in HTTP fields (RFC 9110, 5.6.7). */
#ifndef SLUICE_PROTO_HTTP1_DATE_H
#define SLUICE_PROTO_HTTP1_DATE_H

#include "proto/span.h"

#include <time.h>

#define HTTP1_DATE_SIZE 30 /* with the NUL */

/* Writes "Sun, 06 Nov 1994 08:49:37 GMT" and a NUL. Times before 1970 and after 9999 become the nearest that
 * can be written. Costs a few dozen ns; whoever writes the same date often keeps the text. */
void http1_date(time_t when, char out[HTTP1_DATE_SIZE]);

/* Reads all three formats; the weekday must be one, not the right one. now settles the century of the one
 * that has only two digits (RFC 9110, 5.6.7: more than 50 years ahead is in the past). 0 or -EINVAL. */
int http1_date_parse(struct span text, time_t now, time_t *out);

#endif
