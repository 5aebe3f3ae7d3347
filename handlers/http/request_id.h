/* X-Request-ID: accepted from the client if it is harmless, else generated. */
#ifndef SLUICE_HANDLERS_HTTP_REQUEST_ID_H
#define SLUICE_HANDLERS_HTTP_REQUEST_ID_H

#include "reactor/exchange.h"

/* The exchange's id: the client's, if that is 1 to 64 letters, digits or -._ , or one that was generated; p is NULL if
 * there is none yet. */
struct span request_id_of(const struct exchange *exchange);
/* The same, generated now if necessary. */
struct span request_id_ensure(struct exchange *exchange);

#endif
