/* Addresses, in the notation that is used everywhere (docs/protocol.md):
 *
 *     unix:/path/to.sock   unix:@abstract   unixgram:/path
 *     tcp:HOST:PORT        udp:HOST:PORT    HOST: a name, 127.0.0.1, [::1], or * for every address
 */
#ifndef SLUICE_PROTO_ADDRESS_H
#define SLUICE_PROTO_ADDRESS_H

#include "proto/span.h"

#include <stdint.h>
#include <sys/socket.h>

#define ADDRESS_HOST 256 /* a host name of at most 253 bytes, or an IPv6 address with its zone */
#define ADDRESS_PATH 109 /* sun_path, and one more: an abstract name needs no NUL in the kernel */
#define ADDRESS_TEXT 280 /* room for every printed address */

enum address_kind { ADDRESS_UNIX, ADDRESS_UNIXGRAM, ADDRESS_TCP, ADDRESS_UDP };

struct address {
    enum address_kind kind;
    char host[ADDRESS_HOST]; /* tcp and udp: without brackets */
    uint16_t port;           /* tcp and udp: host byte order */
    char path[ADDRESS_PATH]; /* unix and unixgram: starts with / or, abstract, with @; empty: unnamed */
};

/* NULL, or a constant string that says why text is not an address (*out is undefined then). */
const char *address_parse(struct span text, struct address *out);

/* Writes the address as address_parse() reads it, and a NUL, truncated to size bytes (ADDRESS_TEXT are always enough).
 * Returns the length without the NUL that it has when there is room. */
size_t address_print(const struct address *address, char *out, size_t size);

/* Fills in the kernel's form. * becomes ::, which also accepts IPv4 with IPV6_V6ONLY off. 0, or -EINVAL if the host is
 * a name (or has a zone), which takes getaddrinfo(3). */
int address_socket(const struct address *address, struct sockaddr_storage *out, socklen_t *length);

/* The reverse, for what accept(2), getsockname(2) and getpeername(2) return: IPv4 mapped into IPv6 becomes IPv4, an
 * unbound Unix peer has an empty path. 0, or -EAFNOSUPPORT. */
int address_of_socket(const struct sockaddr_storage *from, socklen_t length, bool datagram,
                      struct address *out);

#endif
