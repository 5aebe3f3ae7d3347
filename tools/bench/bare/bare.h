/* What the bare twins share: a listening socket, and the places of SLC1's fields.
 *
 * A bare twin is the limit that sluiced is measured against: the system calls that the work needs, in one
 * thread, and nothing else. No limits, no deadlines, no checks: never let strangers reach one. */
#ifndef SLUICE_BENCH_BARE_H
#define SLUICE_BENCH_BARE_H

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#define BARE_HEADER  16 /* of a frame; its length is at 12 */
#define BARE_RANGE   16 /* offset and count before the key */
#define BARE_REPLY   56 /* header and five fields */
#define BARE_CLIENTS 20000
#define BARE_EVENTS  256

static inline int bare_listen_unix(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
    if (*path == '@')
        address.sun_path[0] = 0;
    else
        unlink(path);
    socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    if (bind(fd, (struct sockaddr *)&address, length) != 0 || listen(fd, 4096) != 0)
        err(1, "%s", path);
    fprintf(stderr, "ready: unix:%s\n", path);
    return fd;
}

/* 127.0.0.1 whatever host is named; port 0: any. */
static inline int bare_listen_tcp(const char *port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
    socklen_t length = sizeof(address);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, (struct sockaddr *)&address, length) != 0 || listen(fd, 4096) != 0)
        err(1, "port %s", port);
    getsockname(fd, (struct sockaddr *)&address, &length);
    fprintf(stderr, "ready: tcp:127.0.0.1:%d\n", ntohs(address.sin_port));
    return fd;
}

static inline int bare_listen(const char *address) {
    signal(SIGPIPE, SIG_IGN);
    if (strncmp(address, "unix:", 5) == 0)
        return bare_listen_unix(address + 5);
    return bare_listen_tcp(strrchr(address, ':') + 1);
}

/* Accepts what waits, each with its zeroed state of size bytes in the table (by fd) and in epoll. */
static inline void bare_accept(int listener, int epoll, void **table, size_t size) {
    for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
        int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on,
                   sizeof(on)); /* fails on Unix sockets, which do not wait */
        if (fd >= BARE_CLIENTS || !(table[fd] = calloc(1, size)))
            errx(1, "no room for a client");
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
    }
}

/* Serves every client's bytes until serve says that it left. */
static inline void bare_run(const char *address, size_t size,
                            bool (*serve)(void *context, int epoll, int fd, void *client), void *context) {
    static void *clients[BARE_CLIENTS];
    int listener = bare_listen(address), epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event events[BARE_EVENTS] = {{.events = EPOLLIN, .data.fd = listener}};
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, events);
    for (;;) {
        int n = epoll_wait(epoll, events, BARE_EVENTS, -1);
        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;
            if (fd == listener) {
                bare_accept(listener, epoll, clients, size);
            } else if (!serve(context, epoll, fd, clients[fd])) {
                free(clients[fd]);
                close(fd);
            }
        }
    }
}

/* Bytes of the request at the start of n bytes, 0: not complete. */
static inline size_t bare_request(const char *bytes, size_t n) {
    uint32_t length;
    if (n < BARE_HEADER)
        return 0;
    memcpy(&length, bytes + 12, sizeof(length));
    return n >= BARE_HEADER + length ? BARE_HEADER + length : 0;
}

/* Opens the request's key below root. */
static inline int bare_open(int root, char *request, size_t n) {
    struct open_how how = {.flags = O_RDONLY | O_CLOEXEC, .resolve = RESOLVE_BENEATH};
    char after = request[n];
    request[n] = 0;
    int fd = (int)syscall(SYS_openat2, root, request + BARE_HEADER + BARE_RANGE, &how, sizeof(how));
    request[n] = after;
    if (fd < 0)
        err(1, "%.*s", (int)(n - BARE_HEADER - BARE_RANGE), request + BARE_HEADER + BARE_RANGE);
    return fd;
}

/* The reply: op and tag of the request, size and time of the object. */
static inline void bare_reply(char *out, const char *request, const struct stat *object, uint8_t fds) {
    uint64_t fields[5] = {(uint64_t)object->st_size, 0, (uint64_t)object->st_size, object->st_ino,
                          (uint64_t)object->st_mtim.tv_sec * 1000000000u + (uint64_t)object->st_mtim.tv_nsec};
    uint32_t length = sizeof(fields);
    memcpy(out, request, BARE_HEADER);
    out[5] = out[6] = 0;
    out[7] = (char)fds;
    memcpy(out + 12, &length, sizeof(length));
    memcpy(out + BARE_HEADER, fields, sizeof(fields));
}

#endif
