/* What a route changes in the fields of a message: set, add, remove, rename, in the order of the configuration. */
#ifndef SLUICE_HANDLERS_GATEWAY_TRANSFORMS_H
#define SLUICE_HANDLERS_GATEWAY_TRANSFORMS_H

#include "proto/http1_writer.h"

enum transform_kind { TRANSFORM_SET, TRANSFORM_ADD, TRANSFORM_REMOVE, TRANSFORM_RENAME };

struct transform {
    enum transform_kind kind;
    struct span name;
    struct span value; /* RENAME: the new name */
};

struct transforms {
    struct transform *list; /* owned; spans point into the settings' texts */
    size_t count;
};

/* Adds the transforms of a list, one a line: "NAME: VALUE"; for REMOVE "NAME", for RENAME "OLD: NEW". 0, -ENOMEM, or
 * -EINVAL with a sentence in why. */
int transforms_add(struct transforms *transforms, enum transform_kind kind, const char *list, char *why,
                   size_t why_size);
void transforms_free(struct transforms *transforms);
/* The name under which a field is passed on; p is NULL if it is not. */
struct span transforms_name(const struct transforms *transforms, struct span name);
/* Writes the fields that are set and added. */
void transforms_write(const struct transforms *transforms, struct http1_writer *writer);

#endif
