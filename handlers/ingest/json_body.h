/* Bodies of JSON, and where in them something is wrong. */
#ifndef SLUICE_HANDLERS_INGEST_JSON_BODY_H
#define SLUICE_HANDLERS_INGEST_JSON_BODY_H

#include "handlers/http/json_value.h"

#include <stdint.h>

#define JSON_BODY_DEPTH 2048 /* of nesting */

/* The value of a text, with whole numbers of more than 64 bits as reals; flags: JSON_VALUE_*. NULL: *obstacle tells. */
json_t *json_body_load(struct span text, unsigned flags, struct json_obstacle *obstacle);
/* The line and column, from 1 on, in bytes, of a place in the text. */
void json_body_place(struct span text, const char *at, uint32_t *line, uint32_t *column);

#endif
