/* Why a text was not loaded as JSON, and where. */
#ifndef SLUICE_HANDLERS_INGEST_JSON_FAULT_H
#define SLUICE_HANDLERS_INGEST_JSON_FAULT_H

#include "proto/span.h"

#include <jansson.h>
#include <stdint.h>

#define JSON_FAULT_DEPTH 2048 /* of nesting, as jansson has it */

/* A sentence, and the line and column, from 1 on, in bytes. The text may be JSON, and jansson cannot take it
 * nevertheless (error): then it is its word, and the place the end of what it cannot take. */
const char *json_fault(struct span text, const json_error_t *error, uint32_t *line, uint32_t *column);

#endif
