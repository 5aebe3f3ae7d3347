#include "handlers/ingest/json_fault.h"

#include "proto/jsontext.h"

const char *json_fault(struct span text, const json_error_t *error, uint32_t *line, uint32_t *column) {
    struct span wrong;
    const char *why = jsontext_check(text, JSON_FAULT_DEPTH, &wrong), *start = text.p;
    const char *at = why ? wrong.p : text.p + (error->position > 0 ? error->position - 1 : 0);
    *line = 1;
    for (const char *end; (end = memchr(start, '\n', (size_t)(at - start))); start = end + 1)
        ++*line;
    *column = (uint32_t)(at - start) + 1;
    return why ? why : error->text;
}
