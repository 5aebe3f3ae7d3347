/* The front ends of JSON-RPC: newline-delimited messages, and MCP1 frames (docs/protocol.md).
 *
 *     bytes -> lines_decode | frame_decode -> request -> service->run(payload)
 *                  text LF | frame <- rpc_front_reply() whenever it is ready: replies match by id, not by order
 *                                  <- rpc_front_notify() what the server says of its own accord
 *
 * What a payload means is the service's business; main injects it. A message longer than the service's limit
 * ends the connection after an error. */
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
    /* The text of an error about a message that is not run, malloc'ed, with *n bytes; payload: as much of it
     * as is known, p is NULL if nothing is. *out NULL: the message wants no reply. 0 or -ENOMEM. */
    int (*error)(struct rpc_service *service, struct span payload, enum status status, const char *text,
                 char **out, size_t *n);
    /* A connection with a session ended: frees it. */
    void (*closed)(struct conn *conn, void *session);
    void *context;
    size_t limit; /* of a message, in bytes */
};

extern const struct front rpc_lines_front, rpc_mcp1_front;

/* The one reply: n bytes of text, malloc'ed with room for one more; the front end's from now on. fd: -1, or
 * held for the queue from now on. */
void rpc_front_reply(struct request *request, char *text, size_t n, int fd);
/* The text of a reply, of which message is the start as it stands in the queue (request->refused). */
struct span rpc_front_text(const struct request *request, struct span message);
/* A message without a request; copied. 0 or -ENOBUFS: too much is waiting for the client already. */
int rpc_front_notify(struct conn *conn, struct span text);
/* What the service keeps with a connection; NULL at first. */
void *rpc_front_session(const struct conn *conn);
/* 0 or -ENOMEM. */
int rpc_front_keep_session(struct conn *conn, void *session);
/* True for connections of these front ends. */
bool rpc_front_has(const struct conn *conn);

#endif
