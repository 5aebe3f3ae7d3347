#include "reactor/inetsock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <unistd.h>

static int resolve(const struct address *address, int type, struct sockaddr_storage *name, socklen_t *size,
                   char *why, size_t why_size) {
    int error = address_socket(address, name, size);
    if (error != -EINVAL)
        return error;
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = type, .ai_flags = AI_PASSIVE};
    struct addrinfo *found;
    char port[8];
    snprintf(port, sizeof(port), "%u", address->port);
    error = getaddrinfo(address->host, port, &hints, &found);
    if (error) {
        snprintf(why, why_size, "%s: %s", address->host, gai_strerror(error));
        return -EADDRNOTAVAIL;
    }
    memcpy(name, found->ai_addr, found->ai_addrlen);
    *size = found->ai_addrlen;
    freeaddrinfo(found);
    return 0;
}

/* A socket for an address. For * on a host without IPv6 it is an IPv4 socket, and name changes accordingly. */
static int open_for(const struct address *address, int type, struct sockaddr_storage *name, socklen_t *size) {
    int any = strcmp(address->host, "*") == 0, only = !any;
    int fd = socket(name->ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 && any && errno == EAFNOSUPPORT) { /* a host without IPv6 */
        struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(address->port)};
        memcpy(name, &v4, sizeof(v4));
        *size = sizeof(v4);
        fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    }
    if (fd >= 0 && name->ss_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only));
    return fd < 0 ? -errno : fd;
}

static uint16_t port_of(const struct sockaddr_storage *name) {
    return ntohs(name->ss_family == AF_INET ? ((const struct sockaddr_in *)(const void *)name)->sin_port
                                            : ((const struct sockaddr_in6 *)(const void *)name)->sin6_port);
}

int inetsock_bind(struct address *address, int type, char *why, size_t why_size) {
    struct sockaddr_storage name;
    socklen_t size = 0;
    int error = resolve(address, type, &name, &size, why, why_size), on = 1;
    int fd = error ? error : open_for(address, type, &name, &size);
    if (fd < 0)
        return fd;
    if (type == SOCK_STREAM)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, (struct sockaddr *)&name, size) != 0) {
        error = -errno;
        close(fd);
        return error;
    }
    size = sizeof(name);
    if (getsockname(fd, (struct sockaddr *)&name, &size) == 0)
        address->port = port_of(&name);
    return fd;
}
