/* Parts of a URI (RFC 3986) as HTTP uses them.
 *
 *     a path:  as sent -> uri_normalise() -> routes are matched, upstreams get the same bytes
 *                                         -> uri_decode() of a segment or the rest -> keys, parameters */
#ifndef SLUICE_PROTO_URI_H
#define SLUICE_PROTO_URI_H

#include "proto/span.h"

#include <sys/types.h>

#define URI_HOST_MAX 255u /* bytes of a host name */

struct uri_authority {
    struct span host; /* as written; an IPv6 address with its brackets */
    int port;         /* -1: none or empty */
};

/* Decodes host[:port] (RFC 3986, 3.2.2 and 3.2.3; RFC 9110, 4.2). Narrower than the grammar: a name consists of
 * unreserved characters; userinfo, percent-encoding, a zone and an empty host are refused. 0 or -EINVAL. */
int uri_authority_decode(struct span text, struct uri_authority *out);

/* True if hosts are equal (ignoring case) and ports are equal, an absent port counting as port_default. */
bool uri_authority_equal(const struct uri_authority *a, const struct uri_authority *b, int port_default);

/* Removes percent-encoding. out (size bytes) may be in.p itself: the result is never longer. Returns the length;
 * -EINVAL for a broken escape, or for a NUL, escaped or not, since nothing of ours can handle one; or -ENOBUFS. */
ssize_t uri_decode(struct span in, char *out, size_t size);
/* The same for names and values of a query or a form (application/x-www-form-urlencoded): + is a space. */
ssize_t uri_form_decode(struct span in, char *out, size_t size);

/* Makes a path that starts with / comparable byte for byte (RFC 3986, 6.2.2): escapes of unreserved characters are
 * decoded, the others written in upper case, and dot segments resolved, escaped or not. Repeated slashes stay: RFC 3986
 * considers such paths different, and so do keys and routes. *normal is path itself if nothing has to change, else it
 * is in out (size bytes; path.n are enough). 0, -ENOBUFS, or -EINVAL: a broken escape or an escaped NUL, or a path that
 * climbs above its root or does not start with /. */
int uri_normalise(struct span path, char *out, size_t size, struct span *normal);

struct uri_pair {
    struct span name, value; /* still encoded; value.p is NULL without a = */
};

/* Takes the next name=value off *rest, a query without its ? or a form. Empty pairs are skipped. False at the end. */
bool uri_query_next(struct span *rest, struct uri_pair *pair);

#endif
