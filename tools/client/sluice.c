/* Requests out, replies in, one at a time (batch.c: many together).
 *
 *     sluice_get --frame--> server --frame, fields [, fd]--> object     fd: the caller's
 *                                 \--body--> sluice_read, sluice_copy   left: the connection's until taken
 */
#include "tools/client/sluice.h"

#include "proto/object.h"
#include "proto/status.h"
#include "tools/client/client.h"
#include "tools/client/transfer.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define COPY_STEP  (4u << 20) /* bytes between two calls of progress, in the kernel's ways */
#define BODY_PIECE 262144

#define STATUS(number, name, http, rpc, meaning) _Static_assert(SLUICE_##name == (number), #name);
#include "proto/status.def"
#undef STATUS

int sluice_connect(struct sluice **client, const char *address, int timeout_ms) {
    *client = calloc(1, sizeof(**client));
    if (!*client)
        return -ENOMEM;
    (*client)->next_tag = (*client)->reply_tag = 1;
    return link_connect(&(*client)->link, address, timeout_ms);
}

void sluice_close(struct sluice *client) {
    if (client)
        link_close(&client->link);
    free(client);
}

const char *sluice_error(const struct sluice *client) {
    return client ? client->link.error : "out of memory";
}

int sluice_connected(const struct sluice *client) {
    return client->link.fd >= 0;
}

const char *sluice_status_name(int status) {
    return status_name(status < 0 ? STATUS_COUNT : (unsigned)status);
}

static int get(struct sluice *client, uint8_t op, const char *key, uint64_t offset, uint64_t count,
               unsigned flags, struct sluice_object *object) {
    struct client_reply reply;
    *object = (struct sluice_object){.fd = -1};
    int result = client_begin(client);
    if (result == 0)
        result = client_send_key(client, op, (uint8_t)flags, offset, count, span_text(key));
    if (result == 0)
        result = client_receive(client, op, &reply);
    if (result == 0)
        client_object(&reply, object);
    object->status = result > 0 ? result : 0;
    return result;
}

int sluice_get(struct sluice *client, enum sluice_mode mode, const char *key, uint64_t offset, uint64_t count,
               unsigned flags, struct sluice_object *object) {
    return get(client, (uint8_t)mode, key, offset, count, flags, object);
}

int sluice_info(struct sluice *client, const char *key, struct sluice_object *object) {
    return get(client, OBJECT_OP_INFO, key, 0, 0, 0, object);
}

static ssize_t body_read(struct sluice *client, struct sluice_object *object, void *buffer, size_t size) {
    if (client->body_left != object->left || client->body_tag != object->reply)
        return link_note(&client->link, -EINVAL,
                         "the bytes of this object are gone: another request followed");
    ssize_t n = link_read(&client->link, buffer, size);
    if (n < 0) {
        if (n == -ECONNRESET)
            link_note(&client->link, 0, "the object shrank or the server ended: %llu bytes are missing",
                      (unsigned long long)object->left);
        return n;
    }
    client->body_left -= (uint64_t)n;
    object->left -= (uint64_t)n;
    return n;
}

static int shrunk(struct sluice *client, const struct sluice_object *object) {
    return link_note(&client->link, -ENODATA, "the object shrank: %llu bytes are missing",
                     (unsigned long long)object->left);
}

static off_t object_position(const struct sluice_object *object) {
    return (off_t)(object->offset + (object->count - object->left));
}

ssize_t sluice_read(struct sluice *client, struct sluice_object *object, void *buffer, size_t size) {
    if (size > object->left)
        size = (size_t)object->left;
    if (size == 0)
        return 0;
    if (object->fd < 0)
        return body_read(client, object, buffer, size);
    ssize_t n;
    do {
        n = pread(object->fd, buffer, size, object_position(object));
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return link_note(&client->link, -errno, "reading the object: %s", strerror(errno));
    if (n == 0)
        return shrunk(client, object);
    object->left -= (uint64_t)n;
    return n;
}

static int report(struct sluice *client, const struct sluice_object *object, sluice_progress progress,
                  void *context) {
    if (progress && progress(context, object->count - object->left, object->count) != 0)
        return link_note(&client->link, -ECANCELED, "stopped");
    return 0;
}

static int copy_descriptor(struct sluice *client, struct sluice_object *object, int out,
                           sluice_progress progress, void *context) {
    struct transfer transfer = {.from = object->fd, .to = out, .offset = object_position(object)};
    int result = 0;
    while (result == 0 && object->left > 0) {
        bool reading;
        ssize_t n =
            transfer_step(&transfer, object->left < COPY_STEP ? (size_t)object->left : COPY_STEP, &reading);
        if (n < 0)
            return link_note(&client->link, (int)n, "%s: %s",
                             reading ? "reading the object" : "writing the output", strerror((int)-n));
        if (n == 0)
            return shrunk(client, object);
        object->left -= (uint64_t)n;
        result = report(client, object, progress, context);
    }
    return result;
}

static int copy_body(struct sluice *client, struct sluice_object *object, int out, sluice_progress progress,
                     void *context) {
    int result = 0;
    char *piece = malloc(BODY_PIECE);
    if (!piece)
        return link_note(&client->link, -ENOMEM, "out of memory");
    while (result == 0 && object->left > 0) {
        ssize_t n = sluice_read(client, object, piece, BODY_PIECE);
        if (n < 0) {
            result = (int)n;
        } else if ((result = transfer_write(out, piece, (size_t)n)) < 0) {
            link_note(&client->link, result, "writing the output: %s", strerror(-result));
        } else {
            result = report(client, object, progress, context);
        }
    }
    free(piece);
    return result;
}

int sluice_copy(struct sluice *client, struct sluice_object *object, int out, sluice_progress progress,
                void *context) {
    if (object->fd >= 0)
        return copy_descriptor(client, object, out, progress, context);
    return copy_body(client, object, out, progress, context);
}

int sluice_ping(struct sluice *client, const void *bytes, size_t n) {
    struct client_reply reply;
    int result = client_begin(client);
    if (result == 0)
        result = client_send(client, OBJECT_OP_PING, 0, bytes, n);
    if (result == 0)
        result = client_receive(client, OBJECT_OP_PING, &reply);
    if (result == 0 && !span_equal(reply.payload, span_of(bytes, n)))
        result = link_fail(&client->link, -EPROTO, "the server sent a ping back changed");
    return result;
}

int sluice_stats(struct sluice *client, const char *what, char **json) {
    struct client_reply reply;
    size_t n;
    *json = NULL;
    int result = client_begin(client);
    if (result == 0)
        result = client_send(client, OBJECT_OP_STATS, 0, what, strlen(what));
    if (result == 0)
        result = client_receive(client, OBJECT_OP_STATS, &reply);
    return result == 0 ? client_text(client, &reply, json, &n) : result;
}
