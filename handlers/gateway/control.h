/* Administration of the gateway: /_/upstreams shows the servers; POST ?action=drain|undrain|weight&server=UPSTREAM/ADDRESS
 * changes one. POST /_/drain ends the daemon as a signal would. */
#ifndef SLUICE_HANDLERS_GATEWAY_CONTROL_H
#define SLUICE_HANDLERS_GATEWAY_CONTROL_H

struct gateway;

/* Registers the pages. */
void control_add(struct gateway *gateway);

#endif
