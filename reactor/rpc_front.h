/* The front ends of JSON-RPC: newline-delimited messages, and MCP1 frames (docs/protocol.md).
 *
 *     bytes -> lines_decode | frame_decode -> request -> service->run(payload)
 *                  text LF | frame <- rpc_front_reply() whenever it is ready: replies match by id, not by order
 *                                  <- rpc_front_notify() for what the server says unasked
 *
 * The service, which main injects, knows what a payload means. A message longer than the service's limit ends the
 * connection after an error reply. */
#ifndef SLUICE_REACTOR_RPC_FRONT_H
#define SLUICE_REACTOR_RPC_FRONT_H

#include "proto/span.h"
#include "reactor/front.h"

#include <stddef.h>

struct conn;
struct request;

struct rpc_service {
    /* Answers with rpc_front_reply() or request_no_reply(), now or later. payload is valid during the call. */
    void (*run)(struct request *request, struct span payload);
    /* Makes the text of an error about a message that is not run: *n bytes, malloc'ed. payload: as much of the message
     * as is known, p is NULL if nothing is. *out NULL: the message gets no reply. 0 or -ENOMEM. */
    int (*error)(struct rpc_service *service, struct span payload, enum status status, const char *text,
                 char **out, size_t *n);
    /* A connection with a session ended: frees it. */
    void (*closed)(struct conn *conn, void *session);
    void *context;
    size_t limit; /* of a message, in bytes */
};

extern const struct front rpc_lines_front, rpc_mcp1_front;

/* The one reply: n bytes of text, malloc'ed with room for one more, taken over. fd: -1, or held for the queue from now
 * on. */
void rpc_front_reply(struct request *request, char *text, size_t n, int fd);
/* The text of a reply, given the bytes in the output queue that start with it (for request->refused()). */
struct span rpc_front_text(const struct request *request, struct span message);
/* Sends a message that answers no request; copied. 0, or -ENOBUFS: too much is already waiting for the client. */
int rpc_front_notify(struct conn *conn, struct span text);
/* The session that the service keeps with a connection; NULL at first. */
void *rpc_front_session(const struct conn *conn);
/* Sets that session. 0 or -ENOMEM. */
int rpc_front_keep_session(struct conn *conn, void *session);
/* True for connections of these front ends. */
bool rpc_front_has(const struct conn *conn);

#endif
