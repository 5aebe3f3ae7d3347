/* The limit of a small HTTP reply: epoll, recv, find the ends of heads, send; nothing is parsed.
 *
 *     bare/http tcp:HOST:PORT|unix:PATH
 *
 * The replies to all heads of one read leave in one send, as a pipelining server can do. */
#include "tools/bench/bare/bare.h"

#define REPLY                                                                                                \
    "HTTP/1.1 200 OK\r\nDate: Sat, 01 Jan 2000 00:00:00 GMT\r\nContent-Type: application/json\r\n"           \
    "Content-Length: 27\r\n\r\n{\"message\":\"Hello, World!\"}"
#define HEADS_MAX 64

struct client {
    size_t n; /* bytes of an incomplete head in in */
    char in[16384];
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

static bool serve(void *context, int epoll, int fd, void *state) {
    (void)epoll;
    const char *replies = context;
    struct client *client = state;
    ssize_t got = recv(fd, client->in + client->n, sizeof(client->in) - client->n, 0);
    if (got <= 0)
        return false;
    client->n += (size_t)got;
    size_t rest, heads;
    while ((heads = count_heads(client->in, client->n, &rest)) > 0) {
        client->n -= rest;
        memmove(client->in, client->in + rest, client->n);
        if (send(fd, replies, heads * (sizeof(REPLY) - 1), MSG_NOSIGNAL) < 0)
            return false;
    }
    return true;
}

int main(int argc, char **argv) {
    static char replies[HEADS_MAX * (sizeof(REPLY) - 1)];
    if (argc < 2)
        errx(2, "usage: http tcp:HOST:PORT|unix:PATH");
    for (size_t i = 0; i < HEADS_MAX; i++)
        memcpy(replies + i * (sizeof(REPLY) - 1), REPLY, sizeof(REPLY) - 1);
    bare_run(argv[1], sizeof(struct client), serve, replies);
}
