/* Administration under /_/: health, ready, stats, conns, fds, config, metrics. Only on listeners that have
 * it, and only under names that are ours (DNS rebinding: Host and Origin are checked). */
#ifndef SLUICE_HANDLERS_HTTP_ADMIN_H
#define SLUICE_HANDLERS_HTTP_ADMIN_H

#include "reactor/http1_front.h"

struct http;

/* The handler for a path below /_/, or NULL. */
const struct http_handler *admin_route(const struct exchange *exchange);
/* May this exchange use what only local programs may? NULL, or a sentence that says why not. */
const char *admin_forbidden(const struct http *http, const struct request *request,
                            const struct exchange *exchange);

#endif
