/* The client's end of one connection: bytes and descriptors, in and out, blocking (internal to libsluice). */
#ifndef SLUICE_CLIENT_LINK_H
#define SLUICE_CLIENT_LINK_H

#include "proto/fdqueue.h"
#include "proto/span.h"

#include <stdint.h>
#include <sys/types.h>

#define LINK_BUFFER 65536
#define LINK_OUTPUT 16384
#define LINK_ERROR  512

struct link {
    int fd;            /* -1: failed or closed */
    int failure;       /* negative errno that ended the connection; 0: none */
    int timeout_ms;    /* 0: none */
    size_t start, end; /* bytes received and not taken: buffer[start..end) */
    struct fdqueue fds;
    size_t output_n;
    char error[LINK_ERROR];
    char output[LINK_OUTPUT]; /* what leaves before the next wait */
    char buffer[LINK_BUFFER];
};

/* Connects, see sluice_connect. Names are resolved here. 0 or -errno, with link->error. */
int link_connect(struct link *link, const char *address, int timeout_ms);
void link_close(struct link *link);

/* Notes an error in words without ending anything; returns code. */
int link_note(struct link *link, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Notes an error and ends the connection; returns code, which is negative. */
int link_fail(struct link *link, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Sends n bytes (<= LINK_OUTPUT), together with others: at the latest when a reply is waited for. 0 or
 * -errno. */
int link_send(struct link *link, const void *bytes, size_t n);
/* Receives until at least n bytes (<= LINK_BUFFER) are in the buffer, contiguous from start. 0 or -errno. */
int link_need(struct link *link, size_t n);
/* Takes bytes: buffered ones first, else as many as come, straight into out. 1..size or -errno. */
ssize_t link_read(struct link *link, void *out, size_t size);
/* Takes and drops n bytes. 0 or -errno. */
int link_drop(struct link *link, uint64_t n);

static inline struct span link_bytes(const struct link *link) {
    return span_of(link->buffer + link->start, link->end - link->start);
}

#endif
