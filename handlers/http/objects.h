/* GET and HEAD /objects/KEY: objects with ranges and conditionals (RFC 9110), sent by the object family's transfer. */
#ifndef SLUICE_HANDLERS_HTTP_OBJECTS_H
#define SLUICE_HANDLERS_HTTP_OBJECTS_H

#include "reactor/http1_front.h"

struct http;

/* The handler for a path, or NULL if it is not below /objects/. */
const struct http_handler *http_objects_route(const struct http *http, const struct exchange *exchange);

#endif
