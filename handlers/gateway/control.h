/* Administration of the gateway.
 *
 *     GET /_/upstreams                                                      shows the servers
 *     POST /_/upstreams?action=drain|undrain|weight&server=UPSTREAM/ADDRESS changes one
 *     POST /_/drain                                                         ends the daemon as a signal would */
#ifndef SLUICE_HANDLERS_GATEWAY_CONTROL_H
#define SLUICE_HANDLERS_GATEWAY_CONTROL_H

#include <jansson.h>
#include <stdbool.h>

struct endpoint;
struct gateway;

/* Registers the pages. */
void control_add(struct gateway *gateway);

/* A server as the pages and JSON-RPC show it. NULL without memory. */
json_t *control_row(const struct endpoint *endpoint);
/* The servers of the upstream of this name; name NULL: of all. */
json_t *control_rows(const struct gateway *gateway, const char *name);
/* The server UPSTREAM/ADDRESS, or ADDRESS if exactly one upstream has it; otherwise NULL. */
struct endpoint *control_find(const struct gateway *gateway, const char *text);
/* Stops sending new requests to a server, or resumes. control_changed() must follow. */
void control_drain(struct endpoint *endpoint, bool drained);
/* After control_drain() or endpoint_weigh(): logs the change, and serves those who wait for room. */
void control_changed(struct endpoint *endpoint);

#endif
