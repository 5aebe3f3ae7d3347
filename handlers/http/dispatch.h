/* Dispatch: runs the C handler of an exchange's route, on the loop or on a worker.
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

/* A dispatcher that uses the loop, settings and counters of http (not owned). With the setting demo_routes, those
 * routes are already in it. NULL without memory. */
struct dispatch *dispatch_new(struct http *http);
/* Frees routes, modules and what they hold, after the loop has ended. */
void dispatch_free(struct dispatch *dispatch);
/* Adds a route; it is copied, but what it points to must stay valid. 0, or with a reason: -EINVAL: malformed; -EEXIST:
 * the title is taken; -ENOMEM. */
int dispatch_add(struct dispatch *dispatch, const struct sluice_route *route, char *why, size_t why_size);

#endif
