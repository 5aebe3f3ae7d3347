/* Why a text could not be loaded as JSON, and where. */
#ifndef SLUICE_HANDLERS_INGEST_JSON_FAULT_H
#define SLUICE_HANDLERS_INGEST_JSON_FAULT_H

#include "proto/span.h"

#include <jansson.h>
#include <stdint.h>

#define JSON_FAULT_DEPTH 2048 /* of nesting, as jansson has it */

/* A sentence, and the line and column, counted from 1, in bytes. If the text is valid JSON that jansson nevertheless
 * refuses (error), the sentence is jansson's and the place is the end of what it refuses. */
const char *json_fault(struct span text, const json_error_t *error, uint32_t *line, uint32_t *column);

#endif
