/* The object protocol's front end (docs/protocol.md, "Frame" and "Object protocol"): frames to requests and back. */
#ifndef SLUICE_REACTOR_SLC1_H
#define SLUICE_REACTOR_SLC1_H

#include "proto/object.h"
#include "reactor/front.h"
#include "reactor/request.h"

extern const struct front slc1_front;

/* A reply with status 0: the five fields, and a descriptor (fd, -1: none) or a body. op and flags as on the wire. */
void slc1_reply_fields(struct request *request, uint8_t op, uint8_t flags, const struct object_fields *fields,
                       int fd, struct body *body);
/* The same with the whole body, which is copied. */
void slc1_reply_bytes(struct request *request, uint8_t op, uint8_t flags, const struct object_fields *fields,
                      struct span body);
/* A reply with status 0 and this payload. */
void slc1_reply_payload(struct request *request, struct span payload);

#endif
