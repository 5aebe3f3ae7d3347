/* The built-in handlers, for trying things out and for measuring.
 *
 *     hello   27 bytes of JSON
 *     fib     :n of its route, recursively: work for a worker
 *     echo    the body back; ?describe=1: the request as it was understood, as JSON */
#ifndef SLUICE_HANDLERS_HTTP_BUILTIN_H
#define SLUICE_HANDLERS_HTTP_BUILTIN_H

#include "handlers/http/sluice_handler.h"

/* The handlers by name, without titles; the last one's name is NULL. */
extern const struct sluice_route builtin_handlers[];
/* The routes of --demo-routes; the last one's title is NULL. */
extern const struct sluice_route builtin_demo_routes[];

#endif
