#include "handlers/ingest/json_body.h"

#include "proto/jsontext.h"

json_t *json_body_load(struct span text, unsigned flags, struct json_obstacle *obstacle) {
    struct span value;
    const char *why = jsontext_check(text, JSON_BODY_DEPTH, &value);
    if (!why)
        return json_value(value, flags | JSON_VALUE_REALS, obstacle);
    *obstacle = (struct json_obstacle){why, value.p};
    return NULL;
}

void json_body_place(struct span text, const char *at, uint32_t *line, uint32_t *column) {
    const char *start = text.p;
    *line = 1;
    for (const char *end; (end = memchr(start, '\n', (size_t)(at - start))); start = end + 1)
        ++*line;
    *column = (uint32_t)(at - start) + 1;
}
