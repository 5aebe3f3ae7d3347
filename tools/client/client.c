/* request = header + payload; reply = header + payload [+ fd] [+ body]. Replies come in the order of requests, so tags
 * only confirm. Anything that violates the protocol ends the connection, since its framing cannot be trusted. */
#include "tools/client/client.h"

#include <errno.h>
#include <stdlib.h>

#define TEXT_MAX (64u << 20) /* lists and statistics: past any that a server sends */

int client_begin(struct sluice *client) {
    if (client->link.fd < 0)
        return client->link.failure;
    uint64_t left = client->body_left;
    client->body_left = 0;
    if (left > 0)
        return link_drop(&client->link, left);
    if (client->link.fds.count > 0 && client->link.start == client->link.end)
        return link_fail(&client->link, -EPROTO, "the server sent a descriptor that no reply owns");
    return 0;
}

/* 0 is reserved for what the server sends unasked. */
static uint32_t tag_after(uint32_t tag) {
    return tag == UINT32_MAX ? 1 : tag + 1;
}

int client_send(struct sluice *client, uint8_t op, uint8_t flags, const void *payload, size_t n) {
    char bytes[FRAME_HEADER + FRAME_SLC1_REQUEST];
    if (n > FRAME_SLC1_REQUEST)
        return link_note(&client->link, SLUICE_BAD_REQUEST, "BAD_REQUEST: a request has at most %u bytes",
                         FRAME_SLC1_REQUEST);
    struct frame frame = {.op = op, .flags = flags, .tag = client->next_tag, .length = (uint32_t)n};
    frame_encode(bytes, FRAME_SLC1, &frame);
    if (n > 0)
        memcpy(bytes + FRAME_HEADER, payload, n);
    client->next_tag = tag_after(client->next_tag);
    return link_send(&client->link, bytes, FRAME_HEADER + n);
}

int client_send_key(struct sluice *client, uint8_t op, uint8_t flags, uint64_t offset, uint64_t count,
                    struct span key) {
    char payload[16 + OBJECT_KEY_MAX];
    if (key.n == 0 || key.n > OBJECT_KEY_MAX)
        return link_note(&client->link, SLUICE_BAD_REQUEST, "BAD_REQUEST: %s", object_key_check(key));
    return client_send(client, op, flags, payload, object_request_encode(payload, offset, count, key));
}

static int fail_protocol(struct sluice *client, const char *what) {
    return link_fail(&client->link, -EPROTO, "protocol error: %s", what);
}

/* The server refused. Tag 0 is not an answer to a request: it says why the connection ends. */
static int refusal(struct sluice *client, const struct client_reply *reply) {
    const struct frame *frame = &reply->frame;
    link_note(&client->link, 0, "%s: %.*s", status_name(frame->status), (int)reply->payload.n,
              reply->payload.p);
    if (frame->tag == 0) {
        client->link.failure = -ECONNABORTED;
        link_close(&client->link);
    }
    return frame->status;
}

static bool is_body(uint8_t op) {
    return op == OBJECT_OP_COPY || op == OBJECT_OP_SPLICE || op == OBJECT_OP_LIST || op == OBJECT_OP_STATS;
}

static bool answers(uint8_t reply_op, uint8_t op) {
    bool delivered =
        reply_op == OBJECT_OP_COPY || reply_op == OBJECT_OP_SPLICE || reply_op == OBJECT_OP_FDPASS;
    return op == OBJECT_OP_AUTO ? delivered : reply_op == op;
}

/* NULL, or what is wrong with a status-0 reply. */
static const char *accept_reply(struct sluice *client, uint8_t op, struct client_reply *reply) {
    const struct frame *frame = &reply->frame;
    if (!answers(frame->op, op))
        return "a reply of another operation";
    if (frame->nfds != (frame->op == OBJECT_OP_FDPASS))
        return "a reply with a wrong number of descriptors";
    if (frame->op == OBJECT_OP_PING)
        return NULL;
    if (reply->payload.n != OBJECT_FIELDS)
        return "a reply with a wrong length";
    object_fields_decode(reply->payload.p, &reply->fields);
    client->body_left = is_body(frame->op) ? reply->fields.count : 0;
    client->body_tag = frame->tag;
    reply->fd = frame->nfds ? fdqueue_take(&client->link.fds) : -1;
    return frame->nfds && reply->fd < 0 ? "a reply without its descriptor" : NULL;
}

int client_receive(struct sluice *client, uint8_t op, struct client_reply *reply) {
    struct link *link = &client->link;
    struct span bytes = link_bytes(link);
    struct verdict verdict;
    *reply = (struct client_reply){.fd = -1};
    while ((verdict = frame_decode(bytes.p, bytes.n, FRAME_SLC1, FRAME_SLC1_REQUEST, &reply->frame)).kind ==
           VERDICT_MORE) {
        int result = link_need(link, verdict.n);
        if (result < 0)
            return result;
        bytes = link_bytes(link);
    }
    if (verdict.kind == VERDICT_BAD)
        return fail_protocol(client, verdict.reason);
    reply->payload = span_of(bytes.p + FRAME_HEADER, reply->frame.length);
    link->start += verdict.n;
    if (reply->frame.tag != client->reply_tag && (reply->frame.tag != 0 || reply->frame.status == 0))
        return fail_protocol(client, "a reply to another request");
    client->reply_tag = tag_after(client->reply_tag);
    if (reply->frame.status != 0)
        return refusal(client, reply);
    const char *problem = accept_reply(client, op, reply);
    return problem ? fail_protocol(client, problem) : 0;
}

void client_object(const struct client_reply *reply, struct sluice_object *object) {
    *object = (struct sluice_object){.mode = (enum sluice_mode)reply->frame.op,
                                     .flags = reply->frame.flags & SLUICE_SHARED,
                                     .fd = reply->fd,
                                     .size = reply->fields.size,
                                     .offset = reply->fields.offset,
                                     .count = reply->fields.count,
                                     .version = reply->fields.version,
                                     .mtime_ns = reply->fields.mtime_ns,
                                     .left = reply->fields.count,
                                     .reply = reply->frame.tag};
}

int client_text(struct sluice *client, const struct client_reply *reply, char **text, size_t *n) {
    size_t size = (size_t)reply->fields.count;
    if (reply->fields.count > TEXT_MAX)
        return fail_protocol(client, "a text that is too long");
    char *bytes = malloc(size + 1);
    if (!bytes)
        return link_note(&client->link, -ENOMEM, "out of memory");
    while (client->body_left > 0) {
        ssize_t got = link_read(&client->link, bytes + (size - client->body_left), (size_t)client->body_left);
        if (got < 0) {
            free(bytes);
            return (int)got;
        }
        client->body_left -= (uint64_t)got;
    }
    bytes[size] = '\0';
    *text = bytes;
    *n = size;
    return 0;
}
