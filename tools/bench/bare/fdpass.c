/* The limit of fdpass: epoll, openat2, fstat, sendmsg with SCM_RIGHTS, close.
 *
 *     bare/fdpass ROOT unix:PATH [--cached]
 *
 *     recv -> for each request: openat2, fstat -> one sendmsg of up to 64 replies and descriptors -> close
 *
 * --cached: the first object that is asked for is opened once and answers every request. */
#include "tools/bench/bare/bare.h"

#define FDS 64 /* replies of one sendmsg */

struct client {
    size_t n;
    char in[8192];
};

struct server {
    int root, cached; /* cached: -2 do not, -1 not open yet */
    struct stat object;
    unsigned count;
    int fds[FDS];
    char out[FDS * BARE_REPLY];
};

static void flush(struct server *server, int fd) {
    size_t bytes = server->count * sizeof(int);
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(FDS * sizeof(int))];
    } control;
    struct iovec iov = {server->out, server->count * BARE_REPLY};
    struct msghdr message = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = CMSG_SPACE(bytes)};
    struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(bytes);
    memcpy(CMSG_DATA(rights), server->fds, bytes);
    if (server->count && sendmsg(fd, &message, MSG_DONTWAIT) != (ssize_t)iov.iov_len)
        err(1, "sendmsg");
    for (unsigned i = 0; i < server->count && server->cached < 0; i++)
        close(server->fds[i]);
    server->count = 0;
}

static void answer(struct server *server, int fd, char *request, size_t n) {
    int object = server->cached;
    if (object < 0) {
        object = bare_open(server->root, request, n);
        fstat(object, &server->object);
        if (server->cached == -1)
            server->cached = object;
    }
    bare_reply(server->out + server->count * BARE_REPLY, request, &server->object, 1);
    server->fds[server->count++] = object;
    if (server->count == FDS)
        flush(server, fd);
}

/* False: the client left. */
static bool serve(void *context, int epoll, int fd, void *state) {
    struct server *server = context;
    struct client *client = state;
    (void)epoll;
    ssize_t got = recv(fd, client->in + client->n, sizeof(client->in) - 1 - client->n, 0);
    if (got <= 0)
        return false;
    client->n += (size_t)got;
    size_t at = 0;
    for (size_t n; (n = bare_request(client->in + at, client->n - at)); at += n)
        answer(server, fd, client->in + at, n);
    flush(server, fd);
    client->n -= at;
    memmove(client->in, client->in + at, client->n);
    return true;
}

int main(int argc, char **argv) {
    static struct server server;
    if (argc < 3)
        errx(2, "usage: fdpass ROOT unix:PATH [--cached]");
    server.root = open(argv[1], O_PATH | O_DIRECTORY | O_CLOEXEC);
    server.cached = argc > 3 ? -1 : -2;
    bare_run(argv[2], sizeof(struct client), serve, &server);
}
