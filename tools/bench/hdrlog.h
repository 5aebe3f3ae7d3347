/* Latencies in the HdrHistogram log format, version 1.3, for plotters and analysers that read it.
 *
 *     #[Histogram log format version 1.3]
 *     #[StartTime: 1700000000.000 (seconds since epoch)]
 *     "StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"
 *     0.000,1.000,0.913,HISTFAAAA...         seconds, seconds, ms, base64 of a compressed V2 histogram
 *
 * A histogram of 10 bits here and one of 3 significant digits there have the same buckets. */
#ifndef SLUICE_BENCH_HDRLOG_H
#define SLUICE_BENCH_HDRLOG_H

#include "proto/histogram.h"

#include <stdio.h>

#define HDRLOG_BITS 10 /* what a histogram must have */

/* epoch_s: seconds since 1970, of time 0 of the intervals. */
void hdrlog_begin(FILE *out, double epoch_s);
/* One interval of length_s that began at begin_s. 0, or -ENOMEM with nothing written. */
int hdrlog_interval(FILE *out, double begin_s, double length_s, const struct histogram *h);

/* The V2 encoding of h's buckets, uncompressed: a header of 40 bytes and ZigZag LEB128 counts. Malloc'ed, *n
 * bytes; NULL without memory. */
unsigned char *hdrlog_encode(const struct histogram *h, size_t *n);

#endif
