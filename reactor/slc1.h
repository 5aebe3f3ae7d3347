/* The object protocol's front end (docs/protocol.md, "Frame" and "Object protocol"): frames to requests and back. */
#ifndef SLUICE_REACTOR_SLC1_H
#define SLUICE_REACTOR_SLC1_H

#include "proto/object.h"
#include "reactor/front.h"
#include "reactor/request.h"

extern const struct front slc1_front;

/* Status-0 reply: the five fields, then what fd or body carry. op and flags as on the wire. */
void slc1_reply_fields(struct request *request, uint8_t op, uint8_t flags, const struct object_fields *fields,
                       int fd, struct body *body);
/* Same with the whole body at hand (copied). */
void slc1_reply_bytes(struct request *request, uint8_t op, uint8_t flags, const struct object_fields *fields,
                      struct span body);
/* Status-0 reply whose payload is the caller's bytes. */
void slc1_reply_payload(struct request *request, struct span payload);

#endif
