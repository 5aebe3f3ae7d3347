/* All series as Prometheus text (exposition format 0.0.4). */
#ifndef SLUICE_INGEST_EXPOSITION_H
#define SLUICE_INGEST_EXPOSITION_H

#include "handlers/ingest/series.h"

#define EXPOSITION_NUMBER 40 /* bytes of a number as text */

/* The shortest text that reads back the same. */
const char *exposition_number(double value, char text[EXPOSITION_NUMBER]);
/* Allocated text; NULL without memory. */
char *exposition_text(const struct series_table *table, size_t *n);

#endif
