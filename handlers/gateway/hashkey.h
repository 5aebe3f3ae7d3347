/* What of a request consistent hashing goes by: hash_key of an upstream.
 *
 *     source        the client's address (the network, of IPv6; the user, on a Unix socket)
 *     path          the path; uri: with its query
 *     header:NAME   the value of a field; cookie:NAME: of a cookie; a request without it goes by its source */
#ifndef SLUICE_HANDLERS_GATEWAY_HASHKEY_H
#define SLUICE_HANDLERS_GATEWAY_HASHKEY_H

#include "proto/span.h"

#include <stdint.h>

struct exchange;
struct peer_key;

/* Is this a value of hash_key? */
bool hashkey_is_good(const char *text);
/* The hash of what text (a good value) names. exchange NULL: a tunnel, which has a source only. */
uint64_t hashkey_of(const char *text, const struct exchange *exchange, const struct peer_key *source);

#endif
