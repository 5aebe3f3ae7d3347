/* One blocking connection.
 *
 *     requests --> output --send--> socket                      (before the next recvmsg)
 *     socket --recvmsg--> buffer[start..end) --> replies, the beginnings of bodies
 *                    \--> fds (owned until a reply takes them)
 *     socket --recvmsg--> the caller's memory, once the buffer is empty: the bulk of bodies
 */
#include "tools/client/link.h"

#include "proto/address.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

int link_note(struct link *link, int code, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(link->error, sizeof(link->error), format, arguments);
    va_end(arguments);
    return code;
}

static int link_end(struct link *link, int code) {
    link->failure = code;
    link_close(link);
    return code;
}

int link_fail(struct link *link, int code, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(link->error, sizeof(link->error), format, arguments);
    va_end(arguments);
    return link_end(link, code);
}

void link_close(struct link *link) {
    if (link->fd >= 0)
        close(link->fd);
    link->fd = -1;
    link->start = link->end = link->output_n = 0;
    fdqueue_close(&link->fds);
}

/* A failed call on the socket, whose time-outs show as EAGAIN. */
static int fail_errno(struct link *link, const char *doing) {
    if (errno == EAGAIN || errno == EINPROGRESS)
        return link_fail(link, -ETIMEDOUT, "%s: the server did nothing for %d ms", doing, link->timeout_ms);
    return link_fail(link, -errno, "%s: %s", doing, strerror(errno));
}

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A call that a signal interrupted is made again, until the time-out since its start is over: the kernel counts each
 * try anew, and a profiler's signals would never let it end. */
static bool goes_on(const struct link *link, int64_t start_ms) {
    if (errno != EINTR)
        return false;
    if (link->timeout_ms == 0 || now_ms() - start_ms < link->timeout_ms)
        return true;
    errno = EAGAIN;
    return false;
}

static int set_options(struct link *link, int family) {
    struct timeval wait = {link->timeout_ms / 1000, link->timeout_ms % 1000 * 1000};
    int on = 1;
    if (setsockopt(link->fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) < 0 ||
        setsockopt(link->fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) < 0 ||
        (family != AF_UNIX && setsockopt(link->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0))
        return -errno;
    return 0;
}

/* An interrupted connect of a TCP socket goes on in the background (connect(2), EINTR). */
static int finish_connect(struct link *link, int64_t start_ms) {
    struct pollfd writable = {.fd = link->fd, .events = POLLOUT};
    int error = 0, ready;
    do {
        ready = poll(&writable, 1, link->timeout_ms ? link->timeout_ms : -1);
    } while (ready < 0 && goes_on(link, start_ms));
    socklen_t length = sizeof(error);
    if (ready == 0)
        error = EINPROGRESS;
    else if (ready < 0 || getsockopt(link->fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0)
        error = errno;
    errno = error;
    return error ? -1 : 0;
}

static int try_address(struct link *link, const struct sockaddr *to, socklen_t length, const char *text) {
    link->fd = socket(to->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (link->fd < 0 || set_options(link, to->sa_family) < 0)
        return fail_errno(link, text);
    int64_t start_ms = now_ms();
    int result;
    do
        result = connect(link->fd, to, length);
    while (result < 0 && to->sa_family == AF_UNIX && /* whose connect has done nothing then */
           goes_on(link, start_ms));
    if (result < 0 && errno == EINTR)
        result = finish_connect(link, start_ms);
    return result < 0 ? fail_errno(link, text) : 0;
}

/* Tries the addresses of a host one after the other; * is this host. */
static int connect_by_name(struct link *link, const struct address *address, const char *text) {
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    char port[8];
    bool here = strcmp(address->host, "*") == 0;
    snprintf(port, sizeof(port), "%u", address->port);
    int problem = getaddrinfo(here ? NULL : address->host, port, &hints, &found);
    if (problem)
        return link_fail(link, -EHOSTUNREACH, "%s: %s", text, gai_strerror(problem));
    int result = -EHOSTUNREACH;
    for (struct addrinfo *one = found; one; one = one->ai_next) {
        link->failure = 0;
        result = try_address(link, one->ai_addr, one->ai_addrlen, text);
        if (result == 0)
            break;
    }
    freeaddrinfo(found);
    return result;
}

int link_connect(struct link *link, const char *text, int timeout_ms) {
    struct address address;
    struct sockaddr_storage to;
    socklen_t length;
    link->fd = -1;
    link->timeout_ms = timeout_ms;
    fdqueue_init(&link->fds);
    const char *reason = address_parse(span_text(text), &address);
    if (reason)
        return link_fail(link, -EINVAL, "%s: %s", text, reason);
    if (address.kind != ADDRESS_UNIX && address.kind != ADDRESS_TCP)
        return link_fail(link, -EINVAL, "%s: expected a unix: or tcp: address", text);
    bool here = address.kind == ADDRESS_TCP && strcmp(address.host, "*") == 0;
    if (here || address_socket(&address, &to, &length) < 0)
        return connect_by_name(link, &address, text);
    return try_address(link, (struct sockaddr *)&to, length, text);
}

static int flush(struct link *link) {
    size_t sent = 0;
    int64_t start_ms = now_ms();
    while (sent < link->output_n) {
        ssize_t n = send(link->fd, link->output + sent, link->output_n - sent, MSG_NOSIGNAL);
        if (n < 0 && goes_on(link, start_ms))
            continue;
        if (n < 0 && errno == EPIPE)
            break; /* the server closed: what it said before is still to be read, then its end */
        if (n < 0)
            return fail_errno(link, "send");
        sent += (size_t)n;
        start_ms = now_ms();
    }
    link->output_n = 0;
    return 0;
}

int link_send(struct link *link, const void *bytes, size_t n) {
    int result = link->output_n + n > LINK_OUTPUT ? flush(link) : 0;
    if (result == 0) {
        memcpy(link->output + link->output_n, bytes, n);
        link->output_n += n;
    }
    return result;
}

/* One recvmsg. Control data is always asked for: without it descriptors would vanish unnoticed. */
static ssize_t receive(struct link *link, void *out, size_t size) {
    union {
        struct cmsghdr align;
        char bytes[FDQUEUE_CONTROL];
    } control;
    struct iovec part = {out, size};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof(control)};
    ssize_t n = flush(link);
    if (n < 0)
        return n;
    int64_t start_ms = now_ms();
    do {
        n = recvmsg(link->fd, &message, MSG_CMSG_CLOEXEC);
    } while (n < 0 && goes_on(link, start_ms));
    if (n < 0)
        return fail_errno(link, "receive");
    if (fdqueue_receive(&link->fds, &message) < 0) {
        if (message.msg_flags & MSG_CTRUNC)
            return link_fail(link, -EMFILE, "fd limit reached in this process");
        return link_fail(link, -EPROTO, "the server sent descriptors that no reply owns");
    }
    if (n == 0)
        return link_fail(link, -ECONNRESET, "the server closed the connection");
    return n;
}

int link_need(struct link *link, size_t n) {
    if (link->start == link->end || LINK_BUFFER - link->start < n) {
        memmove(link->buffer, link->buffer + link->start, link->end - link->start);
        link->end -= link->start;
        link->start = 0;
    }
    while (link->end - link->start < n) {
        ssize_t got = receive(link, link->buffer + link->end, LINK_BUFFER - link->end);
        if (got < 0)
            return (int)got;
        link->end += (size_t)got;
    }
    return 0;
}

ssize_t link_read(struct link *link, void *out, size_t size) {
    size_t buffered = link->end - link->start;
    if (buffered == 0)
        return receive(link, out, size);
    size_t n = size < buffered ? size : buffered;
    memcpy(out, link->buffer + link->start, n);
    link->start += n;
    return (ssize_t)n;
}

int link_drop(struct link *link, uint64_t n) {
    char scratch[16384];
    while (n > 0) {
        ssize_t got = link_read(link, scratch, n < sizeof(scratch) ? (size_t)n : sizeof(scratch));
        if (got < 0)
            return (int)got;
        n -= (uint64_t)got;
    }
    return 0;
}
