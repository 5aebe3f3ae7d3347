/* The limit of HTTP: epoll, recv, find the ends of heads, send; nothing is parsed but the first letters of a path.
 *
 *     bare/http tcp:HOST:PORT|unix:PATH [ROOT]
 *
 *     GET /objects/NAME, with ROOT: openat2, fstat -> head | file by read and send up to 16 KiB, by sendfile above, in
 *                                   pieces of 256 KiB, one a turn
 *     anything else: 27 bytes of JSON
 *
 * Small replies to all heads of one read leave in one send, as a pipelining server can do. A file is asked for
 * by one request at a time. */
#include "tools/bench/bare/bare.h"

#include <sys/sendfile.h>

#define REPLY                                                                                                \
    "HTTP/1.1 200 OK\r\nDate: Sat, 01 Jan 2000 00:00:00 GMT\r\nContent-Type: application/json\r\n"           \
    "Content-Length: 27\r\n\r\n{\"message\":\"Hello, World!\"}"
#define HEADS_MAX 64
#define OBJECTS   "GET /objects/"
#define SMALL     16384
#define PIECE     (256u * 1024)

struct limit {
    int root; /* -1: no files */
    char replies[HEADS_MAX * (sizeof(REPLY) - 1)];
};

struct client {
    size_t n;           /* bytes of an incomplete head in in */
    int object;         /* being sent; 0: none */
    bool writing;       /* waits until the socket is writable */
    off_t offset, size; /* of the object */
    char in[SMALL];
};

/* Ends of heads in the n bytes; *rest is where the incomplete one starts. */
static size_t count_heads(const char *bytes, size_t n, size_t *rest) {
    size_t heads = 0;
    const char *at = bytes, *end;
    while (heads < HEADS_MAX && (end = memmem(at, n - (size_t)(at - bytes), "\r\n\r\n", 4))) {
        heads++;
        at = end + 4;
    }
    *rest = (size_t)(at - bytes);
    return heads;
}

static bool send_replies(int fd, struct client *client, const char *replies) {
    size_t rest, heads;
    while ((heads = count_heads(client->in, client->n, &rest)) > 0) {
        client->n -= rest;
        memmove(client->in, client->in + rest, client->n);
        if (send(fd, replies, heads * (sizeof(REPLY) - 1), MSG_NOSIGNAL) < 0)
            return false;
    }
    return true;
}

/* ---- files --------------------------------------------------------------------------------------- */

static void watch(int epoll, int fd, uint32_t events) {
    struct epoll_event event = {.events = events, .data.fd = fd};
    epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event);
}

/* Sends a piece: the caches hold it until its reader is there, which they do not with more. The rest is for the next
 * turns, when the socket is writable. False: the client left. */
static bool deliver(int epoll, int fd, struct client *client) {
    size_t left = (size_t)(client->size - client->offset), n = left < PIECE ? left : PIECE;
    ssize_t sent = n ? sendfile(fd, client->object, &client->offset, n) : 0;
    if ((sent < 0 && errno != EAGAIN) || (sent == 0 && n))
        return false;
    if (client->offset < client->size) {
        if (!client->writing)
            watch(epoll, fd, EPOLLOUT);
        client->writing = true;
        return true;
    }
    close(client->object);
    client->object = 0;
    return true;
}

static bool send_file(int root, int epoll, int fd, struct client *client) {
    struct open_how how = {.flags = O_RDONLY | O_CLOEXEC, .resolve = RESOLVE_BENEATH};
    char out[256 + SMALL], *name = client->in + sizeof(OBJECTS) - 1, *end = strchr(name, ' ');
    struct stat object;
    client->n = 0;
    if (!end)
        return false;
    *end = 0;
    int file = (int)syscall(SYS_openat2, root, name, &how, sizeof(how));
    if (file < 0 || fstat(file, &object) != 0)
        err(1, "%s", name);
    int n = snprintf(out, 256,
                     "HTTP/1.1 200 OK\r\nDate: Sat, 01 Jan 2000 00:00:00 GMT\r\nContent-Type: "
                     "application/octet-stream\r\nContent-Length: %lld\r\n\r\n",
                     (long long)object.st_size);
    bool small = object.st_size <= SMALL;
    if (small)
        n += (int)read(file, out + n, SMALL);
    if (send(fd, out, (size_t)n, MSG_NOSIGNAL | (small ? 0 : MSG_MORE)) < 0) {
        close(file);
        return false;
    }
    client->object = file;
    client->size = object.st_size;
    client->offset = small ? object.st_size : 0;
    return deliver(epoll, fd, client);
}

/* ---- requests ------------------------------------------------------------------------------------ */

static bool serve(void *context, int epoll, int fd, void *state) {
    const struct limit *limit = context;
    struct client *client = state;
    if (client->object) {
        bool good = deliver(epoll, fd, client);
        if (good && !client->object) {
            watch(epoll, fd, EPOLLIN);
            client->writing = false;
        }
        return good;
    }
    ssize_t got = recv(fd, client->in + client->n, sizeof(client->in) - 1 - client->n, 0);
    if (got <= 0)
        return false;
    client->n += (size_t)got;
    client->in[client->n] = 0;
    if (limit->root < 0 || strncmp(client->in, OBJECTS, sizeof(OBJECTS) - 1) != 0)
        return send_replies(fd, client, limit->replies);
    return !strstr(client->in, "\r\n\r\n") || send_file(limit->root, epoll, fd, client);
}

int main(int argc, char **argv) {
    static struct limit limit = {.root = -1};
    if (argc < 2)
        errx(2, "usage: http tcp:HOST:PORT|unix:PATH [ROOT]");
    if (argc > 2 && (limit.root = open(argv[2], O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0)
        err(1, "%s", argv[2]);
    for (size_t i = 0; i < HEADS_MAX; i++)
        memcpy(limit.replies + i * (sizeof(REPLY) - 1), REPLY, sizeof(REPLY) - 1);
    bare_run(argv[1], sizeof(struct client), serve, &limit);
}
