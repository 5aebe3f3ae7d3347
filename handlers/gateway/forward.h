/* Heads that pass through the gateway are written anew: no byte of their framing is copied.
 *
 *     client's head -> request line (the normalised path) -> fields that are not of this hop -> framing of our own
 *     server's head -> status line                        -> fields that are not of this hop -> framing by http1_reply
 *
 * Not of this hop (RFC 9110, 7.6.1): Connection and what it names, Keep-Alive, Proxy-Connection, TE, Trailer,
 * Transfer-Encoding, Upgrade, Proxy-Authenticate, Proxy-Authorization. */
#ifndef SLUICE_HANDLERS_GATEWAY_FORWARD_H
#define SLUICE_HANDLERS_GATEWAY_FORWARD_H

#include "proto/http1_framing.h"
#include "proto/http1_writer.h"
#include "reactor/exchange.h"
#include "reactor/peers.h"

#define FORWARD_ROOM (32u * 1024) /* a head of 16 KiB and what is added to it */

struct route;
struct transforms;

/* Who the client is, as told to the upstream. */
struct forward_client {
    char address[PEER_TEXT]; /* without a port; "": a Unix socket's peer */
    const char *server;      /* the Host of requests without one (HTTP/1.0) */
};

/* How the request is framed. */
struct forward_framing {
    enum http1_body body; /* NONE, LENGTH or CHUNKED */
    uint64_t length;
    bool upgrade;         /* passes the Upgrade field on */
    int64_t max_forwards; /* -1: none */
};

/* True if only the gateway itself may write fields of this name. */
bool forward_is_ours(struct span name);
/* Writes the head of a request to an upstream. 0, or -errno of the writer if it does not fit. */
int forward_request(struct http1_writer *writer, const struct route *route, const struct exchange *exchange,
                    const struct forward_client *client, const struct forward_framing *framing);
/* Writes those fields of an answer that go on to the client, without its framing. *dated: there is a Date. */
void forward_response(struct http1_writer *writer, const struct transforms *transforms,
                      const struct http1_fields *fields, bool *dated);
/* Does a request ask for another protocol that the gateway may pass on? Not HTTP/2 (h2c), whose requests would bypass
 * all routes. */
bool forward_upgrades(const struct exchange *exchange);
/* The value of Max-Forwards; -1: there is none, or it is not a number. */
int64_t forward_max(const struct exchange *exchange);

#endif
