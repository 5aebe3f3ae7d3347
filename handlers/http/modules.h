/* Handlers by name, and routes that come with their own title: the daemon's and those of modules.
 *
 *     built-in handlers ---------------------------------------+-> by name   -> routes of the configuration
 *     module.so -> version? -> sluice_module_init() -> routes -+-> by title  -> routes
 *
 * A module is never unloaded: a thread that it started, or a late worker, may still be running its code. */
#ifndef SLUICE_HANDLERS_HTTP_MODULES_H
#define SLUICE_HANDLERS_HTTP_MODULES_H

#include "handlers/http/sluice_handler.h"

struct modules;

/* Starts with the built-in handlers. NULL without memory. */
struct modules *modules_new(void);
/* Calls each module's sluice_module_exit(). modules may be NULL. */
void modules_free(struct modules *modules);
/* Loads a shared object. 0, or -errno with a reason. */
int modules_load(struct modules *modules, const char *path, char *why, size_t why_size);
/* The handler of this name, or NULL. */
const struct sluice_route *modules_handler(const struct modules *modules, const char *name);
/* The i-th route that has a title; NULL after the last. */
const struct sluice_route *modules_route(const struct modules *modules, size_t i);

/* The i-th offer (sluice_rpc.h); NULL after the last. */
const struct sluice_offer *modules_offer(const struct modules *modules, size_t i);

#endif
