/* Content types by file name extension: from /etc/mime.types if it exists, else from a short table of our own. */
#ifndef SLUICE_HANDLERS_HTTP_MIME_H
#define SLUICE_HANDLERS_HTTP_MIME_H

#include "proto/span.h"

struct mime_type {
    char *ending; /* lower case, without the dot */
    char *type;
};

struct mime {
    struct mime_type *list; /* sorted by ending */
    size_t count, size;
};

/* Reads path (NULL: /etc/mime.types). 0 or -ENOMEM; a missing file leaves the short table. */
int mime_load(struct mime *mime, const char *path);
void mime_free(struct mime *mime);
/* The content type of a name; "application/octet-stream" if its extension is not known. */
const char *mime_type_of(const struct mime *mime, struct span name);

#endif
