/* What a reply says about an object: its type, its validators, the coding it is stored in. */
#ifndef SLUICE_HANDLERS_HTTP_FACE_H
#define SLUICE_HANDLERS_HTTP_FACE_H

#include "proto/http1_date.h"
#include "proto/object.h"
#include "reactor/http1_reply.h"

#define FACE_ETAG 19 /* room for 16 digits in quotes */

struct face {
    const char *type;
    const char *coding; /* Content-Encoding, or NULL */
    bool varies;        /* another client might get another coding */
    char etag[FACE_ETAG];
    time_t modified; /* as Last-Modified tells it */
    char last_modified[HTTP1_DATE_SIZE];
};

/* The face of an object with these fields, asked for under the exchange's path. */
void face_make(struct face *face, const struct exchange *exchange, const struct object_fields *fields);
/* ETag, Last-Modified and Vary. */
void face_add_validators(struct http1_reply *reply, const struct face *face);
/* Begins a reply with all of it; type NULL: the object's. */
void face_begin(struct http1_reply *reply, struct request *request, int status, const struct face *face,
                const char *type);

#endif
