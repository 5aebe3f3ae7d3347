/* A request as JSON, as sluiced understood it. */
#ifndef SLUICE_HANDLERS_HTTP_DESCRIBE_H
#define SLUICE_HANDLERS_HTTP_DESCRIBE_H

#include "handlers/http/sluice_handler.h"

/* Replies with method, target, path, version, query pairs and fields in order, length of the body, peer and
 * id. */
void describe_request(struct sluice_request *request);

#endif
