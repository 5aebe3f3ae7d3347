/* An answer on its way to the client: heads from a server's connection, then a reply, then a relay.
 *
 *     100 -> dropped   other 1xx -> passed on   101 -> both directions are bytes from now on
 *     final -> head written anew -> whole (no body, or a short one that has come) | relayed as the client takes it
 *           -> connection back to the pool */
#ifndef SLUICE_HANDLERS_GATEWAY_ANSWER_H
#define SLUICE_HANDLERS_GATEWAY_ANSWER_H

struct proxy;

/* The server's connection has bytes, or has ended. */
void answer_input(struct proxy *proxy);

#endif
