/* Active checks of a server: a connection, or GET on one, every interval give or take a tenth.
 *
 *     due -> dial -> [GET -> status line] -> good: `check_rise` in a row -> up
 *                                            bad:  `check_fall` in a row -> down */
#ifndef SLUICE_HANDLERS_GATEWAY_HEALTH_H
#define SLUICE_HANDLERS_GATEWAY_HEALTH_H

enum { CHECK_OFF, CHECK_TCP, CHECK_HTTP };

struct endpoint;
struct health;

/* NULL without memory: not checked. The first check is due at once. */
struct health *health_new(struct endpoint *endpoint);
/* health may be NULL. */
void health_free(struct health *health);
/* Starts a check if one is due. */
void health_tick(struct health *health, double now);

#endif
