#include "tools/bench/baselines/service.h"

#include "proto/address.h"
#include "proto/object.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PIECE (64u * 1024)
#define REPLY (FRAME_HEADER + OBJECT_FIELDS)

/* ---- connections --------------------------------------------------------------------------------- */

static void say_ready(int listener) {
    struct sockaddr_storage bound;
    struct address address;
    char text[ADDRESS_TEXT];
    socklen_t length = sizeof(bound);
    getsockname(listener, (struct sockaddr *)&bound, &length);
    if (address_of_socket(&bound, length, false, &address) != 0)
        errx(1, "an address that cannot be told");
    address_print(&address, text, sizeof(text));
    fprintf(stderr, "ready: %s\n", text);
}

void service_open(struct service *service, const char *root, const char *text) {
    struct address address;
    struct sockaddr_storage name;
    socklen_t length;
    int on = 1;
    const char *why = address_parse(span_text(text), &address);
    if (why || address_socket(&address, &name, &length) != 0)
        errx(2, "%s: %s", text, why ? why : "not an IP address");
    service->root = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (service->root < 0)
        err(1, "%s", root);
    service->listener = socket(name.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(service->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (address.kind == ADDRESS_UNIX)
        unlink(address.path); /* of the last run */
    if (bind(service->listener, (struct sockaddr *)&name, length) != 0 ||
        listen(service->listener, 4096) != 0)
        err(1, "%s", text);
    say_ready(service->listener);
}

struct session *service_accept(struct service *service) {
    int on = 1;
    struct session *session = malloc(sizeof(*session));
    if (!session)
        err(1, "session");
    session->n = 0;
    do {
        session->fd = accept4(service->listener, NULL, NULL, SOCK_CLOEXEC);
        if (session->fd < 0 && errno != ECONNABORTED && errno != EINTR && errno != EAGAIN)
            usleep(1000); /* out of descriptors: others will leave */
    } while (session->fd < 0);
    setsockopt(session->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* fails on Unix sockets */
    return session;
}

void service_leave(struct session *session) {
    close(session->fd);
    free(session);
}

void service_thread(void *(*run)(void *argument), void *argument) {
    pthread_t thread;
    int error;
    while ((error = pthread_create(&thread, NULL, run, argument)) == EAGAIN)
        usleep(100); /* too many: others will end */
    if (error)
        errx(1, "pthread_create: %s", strerror(error));
    pthread_detach(thread);
}

/* ---- requests ------------------------------------------------------------------------------------ */

static int open_object(const struct service *service, struct span key) {
    struct open_how how = {.flags = O_RDONLY | O_CLOEXEC, .resolve = RESOLVE_BENEATH};
    char path[OBJECT_KEY_MAX + 1];
    memcpy(path, key.p, key.n);
    path[key.n] = 0;
    return (int)syscall(SYS_openat2, service->root, path, &how, sizeof(how));
}

static void write_head(char *out, const struct frame *request, const struct stat *object, uint8_t nfds) {
    const struct frame frame = {
        .op = request->op, .nfds = nfds, .tag = request->tag, .length = OBJECT_FIELDS};
    const struct object_fields fields = {.size = (uint64_t)object->st_size,
                                         .count = (uint64_t)object->st_size,
                                         .version = object->st_ino,
                                         .mtime_ns =
                                             object->st_mtim.tv_sec * 1000000000 + object->st_mtim.tv_nsec};
    frame_encode(out, FRAME_SLC1, &frame);
    object_fields_encode(out + FRAME_HEADER, &fields);
}

static bool pass(int fd, const char *head, int object) {
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec iov = {(void *)(uintptr_t)head, REPLY};
    struct msghdr message = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
    struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(rights), &object, sizeof(int));
    return sendmsg(fd, &message, MSG_NOSIGNAL) == (ssize_t)REPLY;
}

bool service_send(int fd, const char *bytes, size_t n) {
    while (n > 0) {
        ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);
        if (sent < 0)
            return false;
        bytes += sent;
        n -= (size_t)sent;
    }
    return true;
}

/* The head goes with the first piece. */
static bool copy(int fd, const char *head, int object, off_t size) {
    char bytes[REPLY + PIECE];
    memcpy(bytes, head, REPLY);
    size_t n = REPLY;
    off_t offset = 0;
    do {
        ssize_t got = pread(object, bytes + n, PIECE, offset);
        if (got < 0 || (got == 0 && offset < size) || !service_send(fd, bytes, n + (size_t)got))
            return false;
        offset += got;
        n = 0;
    } while (offset < size);
    return true;
}

static bool refuse(int fd, const struct frame *request, enum status status) {
    const struct frame frame = {.op = request->op, .status = (uint8_t)status, .tag = request->tag};
    char head[FRAME_HEADER];
    frame_encode(head, FRAME_SLC1, &frame);
    return service_send(fd, head, sizeof(head));
}

static bool answer(const struct service *service, int fd, const struct frame *request, struct span payload) {
    struct object_request asked;
    struct stat info;
    char head[REPLY];
    bool by_fd = request->op == OBJECT_OP_FDPASS;
    if ((!by_fd && request->op != OBJECT_OP_COPY) || object_request_decode(payload, &asked) != NULL)
        return refuse(fd, request, STATUS_UNSUPPORTED);
    int object = open_object(service, asked.key);
    if (object < 0 || fstat(object, &info) != 0)
        return refuse(fd, request, status_of_errno(errno));
    write_head(head, request, &info, by_fd);
    bool good = by_fd ? pass(fd, head, object) : copy(fd, head, object, info.st_size);
    close(object);
    return good;
}

bool service_objects(struct service *service, struct session *session) {
    struct frame request;
    size_t at = 0;
    for (;;) {
        struct verdict verdict =
            frame_decode(session->in + at, session->n - at, FRAME_SLC1, FRAME_SLC1_REQUEST, &request);
        if (verdict.kind == VERDICT_BAD)
            return false;
        if (verdict.kind == VERDICT_MORE)
            break;
        if (!answer(service, session->fd, &request, span_of(session->in + at + FRAME_HEADER, request.length)))
            return false;
        at += verdict.n;
    }
    session->n -= at;
    memmove(session->in, session->in + at, session->n);
    return true;
}

bool service_turn(struct service *service, struct session *session) {
    ssize_t got = recv(session->fd, session->in + session->n, sizeof(session->in) - session->n, 0);
    if (got <= 0)
        return false;
    session->n += (size_t)got;
    return service->work(service, session);
}
