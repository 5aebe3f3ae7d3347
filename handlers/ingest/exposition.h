/* All series as Prometheus text (exposition format 0.0.4). */
#ifndef SLUICE_INGEST_EXPOSITION_H
#define SLUICE_INGEST_EXPOSITION_H

#include "handlers/ingest/series.h"

/* Allocated text; NULL without memory. */
char *exposition_text(const struct series_table *table, size_t *n);

#endif
