/* The work of a study's ingestion server: one JSON record a POST, appended to a file without waiting for the disk.
 *
 *     in -> http1_decode -> rate limit -> JSON -> valid? -> write to ROOT/ingest.jsonl -> 200 | 400 | 429 */
#ifndef SLUICE_BASELINES_INGEST_H
#define SLUICE_BASELINES_INGEST_H

#include "tools/bench/baselines/service.h"

/* Opens the file. Exits on failure. */
void ingest_open(struct service *service);
service_work ingest_work;

#endif
