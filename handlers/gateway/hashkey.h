/* Which part of a request consistent hashing uses: hash_key of an upstream.
 *
 *     source        the client's address (for IPv6 its network; on a Unix socket its user)
 *     path          the path; uri: with its query
 *     header:NAME   the value of a field; cookie:NAME: of a cookie; for requests without it, their source */
#ifndef SLUICE_HANDLERS_GATEWAY_HASHKEY_H
#define SLUICE_HANDLERS_GATEWAY_HASHKEY_H

#include "proto/span.h"

#include <stdint.h>

struct exchange;
struct peer_key;

/* Is this a valid value of hash_key? */
bool hashkey_is_good(const char *text);
/* The hash of what text (a valid value) names. exchange NULL: a tunnel, which only has a source. */
uint64_t hashkey_of(const char *text, const struct exchange *exchange, const struct peer_key *source);

#endif
