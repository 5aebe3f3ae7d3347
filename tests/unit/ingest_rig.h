/* What the tests of the log share: a directory of its own, and records to put into segments. */
#ifndef SLUICE_TESTS_UNIT_INGEST_RIG_H
#define SLUICE_TESTS_UNIT_INGEST_RIG_H

#include "handlers/ingest/batch.h"

/* Makes a directory and opens it. */
int ingest_rig_setup(void);
/* Removes it with all that is in it. */
void ingest_rig_teardown(int directory);
/* A record with one sample of this name and sequence, sealed; to be freed. Its size in *n. */
char *ingest_rig_record(const char *name, uint64_t sequence, size_t *n);
/* Writes a segment with records of these sequences; returns its size. */
uint64_t ingest_rig_segment(int directory, uint64_t number, uint64_t first, uint64_t last);
/* The bytes of a segment, from its start; to be freed. */
char *ingest_rig_bytes(int directory, uint64_t number, size_t *n);
void ingest_rig_write(int directory, uint64_t number, const char *bytes, size_t n);

#endif
