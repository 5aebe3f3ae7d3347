/* Our own JSON: one object, an array of them, or one a line (NDJSON).
 *
 *     {"name":"http_requests","value":1,"type":"counter","timestamp":1700000000000,"tags":{"code":"200"}}
 *
 * type: gauge (default), counter (the value is added), histogram (the value is one observation, or an object with
 * sum, bounds and counts). timestamp: ms since 1970, default now. Other members are ignored. */
#ifndef SLUICE_HANDLERS_INGEST_JSON_RECORDS_H
#define SLUICE_HANDLERS_INGEST_JSON_RECORDS_H

#include "handlers/ingest/decode.h"

#include <jansson.h>

/* Reads one object, or an array of them. */
void json_records_read(struct decoding *decoding, json_t *root);
void json_records_decode(struct decoding *decoding, struct span body);
/* The same without the shortcut for plain records: for comparison. */
void json_records_decode_any(struct decoding *decoding, struct span body);

#endif
