/* What goes wrong with an exchange: whose fault it is, another try or an error for the client.
 *
 *     connection ends, deadline over -> a byte of an answer came?  502 | 504
 *                                    -> none: may it be sent again? checkout_retry() | 502 | 504
 *                                    -> behind the answer's head:   relay_cut(): the client's connection is cut
 *     no HTTP -> 502
 *
 * A pooled connection that the server closes just then is no fault of its; all else goes into its books. */
#ifndef SLUICE_HANDLERS_GATEWAY_PROXY_FAILURE_H
#define SLUICE_HANDLERS_GATEWAY_PROXY_FAILURE_H

#include <stdbool.h>

struct proxy;
struct upstream;

/* A line about the server in use. */
void proxy_log(const struct proxy *proxy, const char *event, const char *reason);
/* Answers in the upstream's place, 502, 503, 504 or 431, with a sentence: the exchange is over. */
void proxy_fail(struct proxy *proxy, int status, const char *text);
/* Has its connection taken a byte of the request? */
bool proxy_has_sent(const struct proxy *proxy);
/* Its connection has died. */
void proxy_lost(struct proxy *proxy);
/* Its connection is of no use any more, and the answer's head is not whole. */
void proxy_cut_short(struct proxy *proxy);
/* The answer is no HTTP. */
void proxy_malformed(struct proxy *proxy, const char *reason);
/* The deadlines of an upstream's exchanges. */
void proxy_deadlines(struct upstream *upstream);

#endif
