/* A body that a handler's source produces piece by piece. */
#ifndef SLUICE_HANDLERS_HTTP_PULLED_BODY_H
#define SLUICE_HANDLERS_HTTP_PULLED_BODY_H

#include "handlers/http/sluice_handler.h"
#include "reactor/body.h"

struct request;

/* Takes over the source (copied) and drops it when the body ends. NULL without memory: the source is still the
 * caller's. */
struct body *pulled_body_new(struct request *request, const struct sluice_source *source);

#endif
