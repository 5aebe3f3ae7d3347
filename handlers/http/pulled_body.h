/* A body that a handler's source gives piece by piece. */
#ifndef SLUICE_HANDLERS_HTTP_PULLED_BODY_H
#define SLUICE_HANDLERS_HTTP_PULLED_BODY_H

#include "handlers/http/sluice_handler.h"
#include "reactor/body.h"

struct request;

/* The source (copied) is the body's from now on, which drops it at its end. NULL without memory: it still is
 * the caller's. */
struct body *pulled_body_new(struct request *request, const struct sluice_source *source);

#endif
