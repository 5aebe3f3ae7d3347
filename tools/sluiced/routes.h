/* The configuration's modules and routes: loaded and checked before the daemon starts, put into service when it does.
 *
 *     modules = {...} -> load -> handlers by name --+
 *     route "TITLE" { handler = "NAME" ... } -------+-> check: known? well-formed? taken? -> dispatch_add()
 */
#ifndef SLUICE_TOOLS_ROUTES_H
#define SLUICE_TOOLS_ROUTES_H

#include "tools/sluiced/sections.h"

struct dispatch;

/* Loads the modules into config->modules, and reports everything that is wrong with them and with the routes. Returns
 * how many problems there are. */
unsigned routes_check(struct daemon_config *config, FILE *messages);
/* Checks a route section by itself. For sections.c. */
void routes_check_section(const void *element, struct problems *problems);
/* Puts the routes into service. 0, or -errno with a reason. */
int routes_serve(const struct daemon_config *config, struct dispatch *dispatch, char *why, size_t why_size);

#endif
