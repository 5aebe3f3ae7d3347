/* Many objects at once: up to WINDOW requests are in flight, and half of them are answered before more follow.
 *
 *     keys   [ answered | in flight <= WINDOW | not sent ]
 *
 * The window keeps a blocking client and its server from waiting for each other: the replies to everything in flight
 * fit into any socket's buffer, and their descriptors into the server's window. */
#include "tools/client/client.h"

#include <errno.h>
#include <unistd.h>

#define WINDOW 128

static void close_objects(struct sluice_object *objects, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (objects[i].fd >= 0)
            close(objects[i].fd);
        objects[i].fd = -1;
    }
}

/* Sends one request; a key that no server takes has its status at once. */
static int send_one(struct sluice *client, const char *key, unsigned flags, struct sluice_object *object) {
    *object = (struct sluice_object){.fd = -1};
    int result = client_send_key(client, OBJECT_OP_FDPASS, (uint8_t)flags, 0, 0, span_text(key));
    object->status = result > 0 ? result : 0;
    return result < 0 ? result : 0;
}

static int receive_one(struct sluice *client, struct sluice_object *object) {
    struct client_reply reply;
    if (object->status != 0)
        return 0; /* was not sent */
    int result = client_receive(client, OBJECT_OP_FDPASS, &reply);
    if (result == 0)
        client_object(&reply, object);
    else if (result > 0)
        object->status = result;
    return result > 0 && !sluice_connected(client) ? client->link.failure : result < 0 ? result : 0;
}

int sluice_open_many(struct sluice *client, const char *const *keys, size_t n, unsigned flags,
                     struct sluice_object *objects) {
    size_t sent = 0, answered = 0;
    int result = client_begin(client);
    for (size_t i = 0; i < n; i++)
        objects[i] = (struct sluice_object){.fd = -1};
    while (result == 0 && answered < n) {
        while (result == 0 && sent < n && sent - answered < WINDOW) {
            result = send_one(client, keys[sent], flags, &objects[sent]);
            sent++;
        }
        size_t until = sent == n ? n : sent - WINDOW / 2;
        while (result == 0 && answered < until)
            result = receive_one(client, &objects[answered++]);
    }
    if (result < 0)
        close_objects(objects, n);
    return result;
}
