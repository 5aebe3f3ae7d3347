/* The limit of copy: epoll, openat2, fstat, pread and send in pieces of 256 KiB, close.
 *
 *     bare/copy ROOT unix:PATH|tcp:HOST:PORT
 *
 *     recv -> openat2, fstat -> [ head | pread ] -> send -> pread -> send ... -> close -> next request
 *                                                    full: wait until writable, go on with what is left */
#include "tools/bench/bare/bare.h"

#define PIECE (256u * 1024)

struct client {
    size_t n;           /* bytes in in */
    int object;         /* being sent; 0: none */
    bool writing;       /* waits until the socket is writable */
    off_t offset, size; /* of the object: read so far, in all */
    size_t start, end;  /* of what is to be sent in out */
    char in[8192];
    char out[BARE_REPLY + PIECE];
};

static void watch(int epoll, int fd, struct client *client, bool writing) {
    struct epoll_event event = {.events = writing ? EPOLLOUT : EPOLLIN, .data.fd = fd};
    if (writing != client->writing)
        epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event);
    client->writing = writing;
}

static void begin(struct client *client, int root, size_t n) {
    struct stat object;
    client->object = bare_open(root, client->in, n);
    fstat(client->object, &object);
    bare_reply(client->out, client->in, &object, 0);
    client->offset = 0;
    client->size = object.st_size;
    client->start = 0;
    client->end = BARE_REPLY;
    client->n -= n;
    memmove(client->in, client->in + n, client->n);
}

static void fill(struct client *client) {
    if (client->start == client->end)
        client->start = client->end = 0;
    if (client->end > BARE_REPLY || client->offset == client->size)
        return;
    ssize_t got = pread(client->object, client->out + client->end, PIECE, client->offset);
    if (got <= 0)
        err(1, "pread");
    client->end += (size_t)got;
    client->offset += got;
}

enum progress { DONE, FULL, GONE };

/* Sends until the object is complete, the socket full or the client gone. */
static enum progress deliver(int fd, struct client *client) {
    for (;;) {
        fill(client);
        if (client->start == client->end)
            break;
        ssize_t sent = send(fd, client->out + client->start, client->end - client->start, MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN)
            return FULL;
        if (sent < 0)
            break;
        client->start += (size_t)sent;
    }
    close(client->object);
    client->object = 0;
    return client->start == client->end ? DONE : GONE;
}

/* False: the client left. */
static bool serve(void *context, int epoll, int fd, void *state) {
    struct client *client = state;
    enum progress progress = DONE;
    if (!client->writing) {
        ssize_t got = recv(fd, client->in + client->n, sizeof(client->in) - 1 - client->n, 0);
        if (got <= 0)
            return false;
        client->n += (size_t)got;
    }
    if (client->object)
        progress = deliver(fd, client);
    for (size_t n; progress == DONE && (n = bare_request(client->in, client->n));) {
        begin(client, *(int *)context, n);
        progress = deliver(fd, client);
    }
    watch(epoll, fd, client, progress == FULL);
    return progress != GONE;
}

int main(int argc, char **argv) {
    if (argc < 3)
        errx(2, "usage: copy ROOT unix:PATH|tcp:HOST:PORT");
    int root = open(argv[1], O_PATH | O_DIRECTORY | O_CLOEXEC);
    bare_run(argv[2], sizeof(struct client), serve, &root);
}
