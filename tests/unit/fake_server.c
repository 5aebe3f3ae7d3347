#include "tests/unit/fake_server.h"

#include "proto/address.h"
#include "proto/fdqueue.h"

#include <check.h>
#include <dirent.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *play(void *argument) {
    struct fake_server *server = argument;
    int fd = accept(server->listener, NULL, NULL);
    ck_assert_int_ge(fd, 0);
    server->script(fd);
    close(fd);
    return NULL;
}

void fake_start(struct fake_server *server, bool tcp, void (*script)(int fd)) {
    struct sockaddr_storage bound = {.ss_family = tcp ? AF_INET : AF_UNIX};
    struct sockaddr_in *v4 = (struct sockaddr_in *)&bound;
    struct address address;
    if (tcp)
        v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    server->script = script;
    server->listener = socket(bound.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    /* A Unix address of the family alone is given an abstract name that is free (unix(7), autobind). */
    socklen_t length = tcp ? (socklen_t)sizeof(*v4) : (socklen_t)sizeof(sa_family_t);
    ck_assert_int_eq(bind(server->listener, (struct sockaddr *)&bound, length), 0);
    ck_assert_int_eq(listen(server->listener, 4), 0);
    length = sizeof(bound);
    ck_assert_int_eq(getsockname(server->listener, (struct sockaddr *)&bound, &length), 0);
    ck_assert_int_eq(address_of_socket(&bound, length, false, &address), 0);
    address_print(&address, server->address, sizeof(server->address));
    ck_assert_int_eq(pthread_create(&server->thread, NULL, play, server), 0);
}

void fake_stop(struct fake_server *server) {
    ck_assert_int_eq(pthread_join(server->thread, NULL), 0);
    close(server->listener);
}

static void receive_all(int fd, void *out, size_t n) {
    if (n > 0)
        ck_assert_int_eq(recv(fd, out, n, MSG_WAITALL), (ssize_t)n);
}

void fake_receive(int fd, uint8_t op, struct fake_request *request) {
    char header[FRAME_HEADER];
    receive_all(fd, header, sizeof(header));
    struct verdict verdict =
        frame_decode(header, sizeof(header), FRAME_SLC1, FRAME_SLC1_REQUEST, &request->frame);
    ck_assert_int_ne(verdict.kind, VERDICT_BAD);
    ck_assert_int_eq(request->frame.op, op);
    ck_assert_int_eq(request->frame.status, 0);
    ck_assert_int_eq(request->frame.nfds, 0);
    ck_assert_uint_ne(request->frame.tag, 0);
    size_t n = request->frame.length;
    receive_all(fd, request->payload, n);
    request->payload[n] = '\0';
    if (op != OBJECT_OP_PING && op != OBJECT_OP_STATS && op != OBJECT_OP_LIST)
        ck_assert_ptr_null(object_request_decode(span_of(request->payload, n), &request->object));
}

void fake_wait_end(int fd) {
    char byte;
    ck_assert_int_eq(recv(fd, &byte, 1, 0), 0);
}

size_t fake_frame(char *out, struct frame frame, const void *payload, size_t n) {
    frame.length = (uint32_t)n;
    frame_encode(out, FRAME_SLC1, &frame);
    if (n > 0)
        memcpy(out + FRAME_HEADER, payload, n);
    return FRAME_HEADER + n;
}

void fake_send(int fd, const void *bytes, size_t n, int passed, unsigned nfds) {
    union {
        struct cmsghdr align;
        char bytes[FDQUEUE_CONTROL];
    } control = {0};
    const char *p = bytes;
    while (n > 0) {
        struct iovec part = {(void *)(uintptr_t)p, n};
        struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
        if (nfds > 0) {
            message.msg_control = control.bytes;
            message.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
            struct cmsghdr *block = CMSG_FIRSTHDR(&message);
            *block = (struct cmsghdr){
                .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(nfds * sizeof(int))};
            for (unsigned i = 0; i < nfds; i++)
                memcpy(CMSG_DATA(block) + i * sizeof(int), &passed, sizeof(int));
        }
        ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL);
        if (sent < 0)
            return; /* the client left, as some tests want it to */
        p += sent;
        n -= (size_t)sent;
        nfds = 0;
    }
}

static void answer(int fd, struct frame frame, const struct object_fields *fields, int passed,
                   const void *body, size_t n) {
    char payload[OBJECT_FIELDS];
    char *bytes = malloc(FRAME_HEADER + OBJECT_FIELDS + n);
    object_fields_encode(payload, fields);
    size_t head = fake_frame(bytes, frame, payload, sizeof(payload));
    if (n > 0)
        memcpy(bytes + head, body, n);
    fake_send(fd, bytes, head + n, passed, frame.nfds);
    free(bytes);
}

void fake_answer(int fd, const struct fake_request *request, uint8_t op, const struct object_fields *fields,
                 const void *body, size_t n) {
    answer(fd, (struct frame){.op = op, .tag = request->frame.tag}, fields, -1, body, n);
}

void fake_pass(int fd, const struct fake_request *request, const struct object_fields *fields, int passed) {
    struct frame frame = {.op = 'F', .tag = request->frame.tag, .nfds = 1, .flags = request->frame.flags};
    answer(fd, frame, fields, passed, NULL, 0);
}

void fake_refuse(int fd, const struct fake_request *request, enum status status, const char *text) {
    char bytes[FRAME_HEADER + 256];
    struct frame frame = {.op = request->frame.op, .tag = request->frame.tag, .status = (uint8_t)status};
    fake_send(fd, bytes, fake_frame(bytes, frame, text, strlen(text)), -1, 0);
}

unsigned fake_open_fds(void) {
    unsigned n = 0;
    DIR *dir = opendir("/proc/self/fd");
    ck_assert_ptr_nonnull(dir);
    while (readdir(dir))
        n++;
    closedir(dir);
    return n - 3; /* . and .. and the directory itself */
}
