/* Dispatch: from the route of an exchange to the C handler that answers it, where that handler should run.
 *
 *     exchange -> router -> run(): inline on the loop            -> reply
 *                                  JOB_CALL in the handlers pool -> done() -> reply
 *
 * See sluice_handler.h for what handlers see. */
#ifndef SLUICE_HANDLERS_HTTP_DISPATCH_H
#define SLUICE_HANDLERS_HTTP_DISPATCH_H

#include "handlers/http/sluice_handler.h"

#include <stddef.h>

struct dispatch;
struct http;

/* The dispatcher of http (its loop, settings and counters; not owned). With demo_routes it has those already.
 * NULL without memory. */
struct dispatch *dispatch_new(struct http *http);
/* Routes, modules and what they hold; the loop has ended. */
void dispatch_free(struct dispatch *dispatch);
/* Adds a route; it is copied, what its pointers name must stay. 0, or with a reason: -EINVAL: malformed;
 * -EEXIST: the title is taken; -ENOMEM. */
int dispatch_add(struct dispatch *dispatch, const struct sluice_route *route, char *why, size_t why_size);

#endif
