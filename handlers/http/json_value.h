/* Texts of JSON as jansson's values, where memory may end. jansson reads texts itself, too; but what its buffer has no
 * room for (2.14, akheron/jansson#362) it leaves out of strings, or reads and writes beyond them. */
#ifndef SLUICE_HANDLERS_HTTP_JSON_VALUE_H
#define SLUICE_HANDLERS_HTTP_JSON_VALUE_H

#include "proto/span.h"

#include <jansson.h>

#define JSON_VALUE_ONCE  1u /* a name stands once in its object; otherwise the last one counts */
#define JSON_VALUE_REALS 2u /* a whole number of more than 64 bits is a real */

/* What keeps a text from being a value. */
struct json_obstacle {
    const char *why; /* a constant; NULL: memory */
    const char *at;  /* in the text */
};

/* The value of a text that jsontext_check() has passed, without the space around it; to be released. NULL: *obstacle
 * tells. */
json_t *json_value(struct span text, unsigned flags, struct json_obstacle *obstacle);

#endif
