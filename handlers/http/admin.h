/* Administration under /_/: health, ready, stats, conns, fds, config, metrics. Only on listeners that have it, and only
 * under names of ours (against DNS rebinding, Host and Origin are checked). */
#ifndef SLUICE_HANDLERS_HTTP_ADMIN_H
#define SLUICE_HANDLERS_HTTP_ADMIN_H

#include "reactor/http1_front.h"

struct http;
struct request;

/* The handler for a path below /_/, or NULL. */
const struct http_handler *admin_route(const struct exchange *exchange);
/* NULL if this exchange may use what is reserved to local programs, else a sentence that says why not. */
const char *admin_forbidden(const struct http *http, const struct request *request,
                            const struct exchange *exchange);

/* The value of a query parameter, decoded into room (size bytes); "" if there is none. */
const char *admin_query(const struct exchange *exchange, const char *name, char *room, size_t size);
/* Replies with a text, malloc'ed and taken over; NULL stands for no memory. */
void admin_reply(struct request *request, int status, const char *type, char *text);

#endif
