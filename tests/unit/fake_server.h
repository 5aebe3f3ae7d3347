/* A scripted server for tests of the client: one connection, served by a thread that plays the test's script.
 */
#ifndef SLUICE_TESTS_FAKE_SERVER_H
#define SLUICE_TESTS_FAKE_SERVER_H

#include "proto/frame.h"
#include "proto/object.h"

#include <pthread.h>

struct fake_server {
    char address[64]; /* for sluice_connect */
    int listener;
    pthread_t thread;
    void (*script)(int fd);
};

/* Listens on an unused abstract Unix address, or TCP port of the loopback; plays script on the first
 * connection and closes it. */
void fake_start(struct fake_server *server, bool tcp, void (*script)(int fd));
/* Waits for the script's end. */
void fake_stop(struct fake_server *server);

struct fake_request {
    struct frame frame;
    char payload[FRAME_SLC1_REQUEST + 1]; /* with a NUL */
    struct object_request object;         /* for operations with a key */
};

/* Receives one request and checks its form and operation. */
void fake_receive(int fd, uint8_t op, struct fake_request *request);
/* Waits for the client's end of file. */
void fake_wait_end(int fd);

/* Writes a whole reply to out (of 16 + n bytes); returns its length. */
size_t fake_frame(char *out, struct frame frame, const void *payload, size_t n);
/* Sends bytes, the first of them together with nfds copies of passed. */
void fake_send(int fd, const void *bytes, size_t n, int passed, unsigned nfds);
/* Answers a request with status 0, the five fields and a body. */
void fake_answer(int fd, const struct fake_request *request, uint8_t op, const struct object_fields *fields,
                 const void *body, size_t n);
/* The same for F: no body, but the descriptor. */
void fake_pass(int fd, const struct fake_request *request, const struct object_fields *fields, int passed);
/* Answers with an error. */
void fake_refuse(int fd, const struct fake_request *request, enum status status, const char *text);

/* Descriptors open in this process. */
unsigned fake_open_fds(void);

#endif
