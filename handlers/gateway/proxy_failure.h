/* When an exchange goes wrong: whose fault it is, and whether to try again or to answer the client with an error.
 *
 *     connection ends, deadline over -> a byte of an answer came?  502 | 504
 *                                    -> none: may it be sent again? checkout_retry() | 502 | 504
 *                                    -> after the answer's head:    relay_cut(): the client's connection is cut
 *     not HTTP -> 502
 *
 * Closing a pooled connection just when it is used is not the server's fault; everything else is recorded against
 * it. */
#ifndef SLUICE_HANDLERS_GATEWAY_PROXY_FAILURE_H
#define SLUICE_HANDLERS_GATEWAY_PROXY_FAILURE_H

#include <stdbool.h>

struct proxy;
struct upstream;

/* Logs a line about the server in use. */
void proxy_log(const struct proxy *proxy, const char *event, const char *reason);
/* Ends the exchange with an answer of our own: 502, 503, 504 or 431, with a sentence. */
void proxy_fail(struct proxy *proxy, int status, const char *text);
/* Has its connection taken a byte of the request? */
bool proxy_has_sent(const struct proxy *proxy);
/* Its connection has died. */
void proxy_lost(struct proxy *proxy);
/* Its connection has become useless before the answer's head was complete. */
void proxy_cut_short(struct proxy *proxy);
/* The answer is not valid HTTP. */
void proxy_malformed(struct proxy *proxy, const char *reason);
/* Sets up the deadlines of an upstream's exchanges. */
void proxy_deadlines(struct upstream *upstream);

#endif
