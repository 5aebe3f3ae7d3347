/* An object's representation metadata (RFC 9110, 8): type, coding, validators. */
#ifndef SLUICE_HANDLERS_HTTP_METADATA_H
#define SLUICE_HANDLERS_HTTP_METADATA_H

#include "proto/http1_date.h"
#include "proto/object.h"
#include "reactor/http1_reply.h"

#define METADATA_ETAG 19 /* room for 16 digits in quotes */

struct metadata {
    const char *type;
    const char *coding; /* Content-Encoding, or NULL */
    bool varies;        /* another client might get another coding */
    char etag[METADATA_ETAG];
    time_t modified; /* as in Last-Modified */
    char last_modified[HTTP1_DATE_SIZE];
};

/* The metadata of an object with these fields, asked for under the exchange's path. */
void metadata_make(struct metadata *metadata, const struct exchange *exchange,
                   const struct object_fields *fields);
/* Adds ETag, Last-Modified and Vary. */
void metadata_add_validators(struct http1_reply *reply, const struct metadata *metadata);
/* Begins a reply with all of the metadata; type NULL: the object's. */
void metadata_begin_reply(struct http1_reply *reply, struct request *request, int status,
                          const struct metadata *metadata, const char *type);

#endif
