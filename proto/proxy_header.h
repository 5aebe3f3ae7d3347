/* The PROXY protocol's header, versions 1 and 2: a proxy in front says who is behind the connection.
 *
 *     PROXY TCP4 192.0.2.1 198.51.100.1 56324 443 CRLF                               at most 107 bytes
 *     12 bytes of signature | 0x2 command | family, transport | u16 length | addresses, TLVs      16 + length
 *
 * https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt */
#ifndef SLUICE_PROTO_PROXY_HEADER_H
#define SLUICE_PROTO_PROXY_HEADER_H

#include "proto/span.h"
#include "proto/verdict.h"

#include <stdint.h>
#include <sys/socket.h>

#define PROXY_HEADER_MAX  536u /* read: version 2 with the TLVs that fit beside the largest addresses */
#define PROXY_HEADER_ROOM 108u /* written: either version */

/* What a header says. local: nothing (the proxy's own connection, or an unknown family), so the socket's own addresses
 * count. */
struct proxy_header {
    bool local;
    struct sockaddr_storage source, destination; /* AF_INET or AF_INET6 */
};

/* Decodes the header at the start of n bytes. MORE; FRAME: verdict.n bytes; BAD. TLVs are skipped. */
struct verdict proxy_header_decode(const void *bytes, size_t n, struct proxy_header *out);
/* Writes a header; UNKNOWN or LOCAL if it is local, or if the families are not both AF_INET or both AF_INET6. Returns
 * its length. */
size_t proxy_header_write1(const struct proxy_header *header, char out[PROXY_HEADER_ROOM]);
size_t proxy_header_write2(const struct proxy_header *header, char out[PROXY_HEADER_ROOM]);

#endif
