/* One observation as a histogram: in the buckets that Prometheus' own clients use. */
#ifndef SLUICE_HANDLERS_INGEST_OBSERVATION_H
#define SLUICE_HANDLERS_INGEST_OBSERVATION_H

#include "proto/sample.h"

/* Sets bounds and counts for `times` observations of sample->value, and their sum. */
void observation_set(struct sample *sample, uint64_t times);

#endif
