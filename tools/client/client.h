/* What the parts of libsluice share: one request, one reply (internal to libsluice). */
#ifndef SLUICE_CLIENT_CLIENT_H
#define SLUICE_CLIENT_CLIENT_H

#include "proto/frame.h"
#include "proto/object.h"
#include "tools/client/link.h"
#include "tools/client/sluice.h"

struct sluice {
    struct link link;
    uint32_t next_tag;  /* of the next request */
    uint32_t reply_tag; /* of the next reply */
    uint64_t body_left; /* bytes of the last reply's body that nobody took yet */
    uint32_t body_tag;  /* that reply's */
};

/* A status-0 reply. */
struct client_reply {
    struct frame frame;
    struct span payload;         /* in the link's buffer: valid until the next receive */
    struct object_fields fields; /* for all operations but ping */
    int fd;                      /* -1, or now the reply's owner's */
};

/* Drops the body that was left and checks that the connection can be used. 0 or -errno. */
int client_begin(struct sluice *client);

/* Sends a request, together with those that follow before a reply is waited for. 0, BAD_REQUEST for one that
 * no server takes, or -errno. */
int client_send(struct sluice *client, uint8_t op, uint8_t flags, const void *payload, size_t n);
int client_send_key(struct sluice *client, uint8_t op, uint8_t flags, uint64_t offset, uint64_t count,
                    struct span key);

/* Receives the reply to the oldest unanswered request, which was an op. 0, the server's status, or -errno. */
int client_receive(struct sluice *client, uint8_t op, struct client_reply *reply);

/* Fills in an object from its reply; the body, if there is one, follows on the connection. */
void client_object(const struct client_reply *reply, struct sluice_object *object);

/* Takes a reply's whole body as a text with a NUL after its *n bytes, to be freed by the caller. 0 or -errno. */
int client_text(struct sluice *client, const struct client_reply *reply, char **text, size_t *n);

#endif
