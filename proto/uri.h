/* Parts of a URI (RFC 3986) as HTTP uses them.
 *
 *     a path's way:  as sent -> uri_normalise() -> routes are matched, upstreams get the same bytes
 *                                               -> uri_decode() of a segment or a rest -> keys, parameters */
#ifndef SLUICE_PROTO_URI_H
#define SLUICE_PROTO_URI_H

#include "proto/span.h"

#include <sys/types.h>

#define URI_HOST_MAX 255u /* bytes of a host name */

struct uri_authority {
    struct span host; /* as written; an IPv6 address with its brackets */
    int port;         /* -1: none or empty */
};

/* Decodes host[:port] (RFC 3986, 3.2.2 and 3.2.3; RFC 9110, 4.2). Narrower than the grammar: a name is of
 * unreserved characters, neither user nor password, no percent-encoding, no zone. An empty host is refused. 0
 * or -EINVAL. */
int uri_authority_decode(struct span text, struct uri_authority *out);

/* The same host (but for case) and, an absent port counting as port_default, the same port. */
bool uri_authority_equal(const struct uri_authority *a, const struct uri_authority *b, int port_default);

/* Removes percent-encoding. out (size bytes) may be in.p itself: what comes out is never longer. Returns the
 * length, -EINVAL for a broken escape or a NUL, escaped or not, which no consumer of ours may meet, or -ENOBUFS. */
ssize_t uri_decode(struct span in, char *out, size_t size);
/* The same for names and values of a query or a form (application/x-www-form-urlencoded): + is a space. */
ssize_t uri_form_decode(struct span in, char *out, size_t size);

/* Makes a path that starts with / comparable byte for byte (RFC 3986, 6.2.2): escapes of unreserved
 * characters are removed, the others get capitals, dot segments are resolved, escaped or not. Two slashes are
 * not one: RFC 3986 holds such paths to be different, and so do keys and routes. *normal is path itself when
 * nothing is to be done, else it is in out (size bytes, path.n suffice). 0, -ENOBUFS, or -EINVAL: a broken
 * escape or an escaped NUL, a path that climbs above its root or does not start with /. */
int uri_normalise(struct span path, char *out, size_t size, struct span *normal);

struct uri_pair {
    struct span name, value; /* still encoded; value.p is NULL without a = */
};

/* Takes the next name=value off *rest, a query without its ? or a form. Empty pairs are skipped. False at the
 * end. */
bool uri_query_next(struct span *rest, struct uri_pair *pair);

#endif
