#include "reactor/memory_body.h"

#include "reactor/conn.h"
#include "reactor/loop.h"

#include <stdlib.h>

struct memory_body {
    struct body body;
    struct request *request; /* lives as long as the body */
    char *bytes;
    size_t n, sent;
};

static struct memory_body *memory_body_of(struct body *body) {
    return (struct memory_body *)(void *)body;
}

static void next(struct body *body, struct piece *piece) {
    const struct memory_body *memory = memory_body_of(body);
    *piece = (struct piece){.kind = memory->sent < memory->n ? PIECE_BYTES : PIECE_END,
                            .p = memory->bytes + memory->sent,
                            .n = memory->n - memory->sent};
}

static void sent(struct body *body, size_t n) {
    memory_body_of(body)->sent += n;
}

static void end(struct body *body, bool whole) {
    struct memory_body *memory = memory_body_of(body);
    struct request *request = memory->request;
    request->conn->memory -= memory->n;
    request_loop(request)->stats.memory_bytes -= memory->n;
    free(memory->bytes);
    free(memory);
    request_body_ended(request, whole);
}

static const struct body_class memory_body_class = {.next = next, .sent = sent, .end = end};

/* A body may be larger than the bound if it is the only one. */
static bool has_room(struct loop *loop, size_t n) {
    uint64_t waiting = loop->stats.memory_bytes;
    bool room = waiting == 0 || waiting + n <= loop->settings.bytes_total;
    loop->stats.memory_refusals += !room;
    return room;
}

struct body *memory_body_new(struct request *request, void *bytes, size_t n) {
    struct memory_body *memory = has_room(request_loop(request), n) ? malloc(sizeof(*memory)) : NULL;
    if (!memory)
        return NULL;
    *memory =
        (struct memory_body){.body.class = &memory_body_class, .request = request, .bytes = bytes, .n = n};
    request->conn->memory += n;
    request_loop(request)->stats.memory_bytes += n;
    return &memory->body;
}
