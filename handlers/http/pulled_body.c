#include "handlers/http/pulled_body.h"

#include "reactor/request.h"

#include <stdlib.h>

#define ROOM 16384u /* bytes of a piece */

struct pulled_body {
    struct body body;
    struct request *request; /* lives as long as the body */
    struct sluice_source source;
    enum piece_kind last; /* END and FAIL are final */
    size_t n, sent;       /* of bytes */
    char bytes[ROOM];
};

static struct pulled_body *pulled_body_of(struct body *body) {
    return (struct pulled_body *)(void *)body;
}

static enum piece_kind pull(struct pulled_body *pulled) {
    if (pulled->last == PIECE_END || pulled->last == PIECE_FAIL)
        return pulled->last;
    long n = pulled->source.pull(pulled->source.state, pulled->bytes, ROOM);
    pulled->sent = pulled->n = 0;
    if (n == SLUICE_END)
        return PIECE_END;
    if (n == SLUICE_LATER)
        return PIECE_STARVED;
    if (n < 0 || n > (long)ROOM)
        return PIECE_FAIL;
    pulled->n = (size_t)n;
    return PIECE_BYTES;
}

static void next(struct body *body, struct piece *piece) {
    struct pulled_body *pulled = pulled_body_of(body);
    if (pulled->sent == pulled->n)
        pulled->last = pull(pulled);
    *piece = (struct piece){
        .kind = pulled->last, .p = pulled->bytes + pulled->sent, .n = pulled->n - pulled->sent};
}

static void sent(struct body *body, size_t n) {
    pulled_body_of(body)->sent += n;
}

static void end(struct body *body, bool whole) {
    struct pulled_body *pulled = pulled_body_of(body);
    struct request *request = pulled->request;
    if (pulled->source.drop)
        pulled->source.drop(pulled->source.state);
    free(pulled);
    request_body_ended(request, whole);
}

static const struct body_class pulled_body_class = {.next = next, .sent = sent, .end = end};

struct body *pulled_body_new(struct request *request, const struct sluice_source *source) {
    struct pulled_body *pulled = malloc(sizeof(*pulled));
    if (!pulled)
        return NULL;
    pulled->body = (struct body){.class = &pulled_body_class};
    pulled->request = request;
    pulled->source = *source;
    pulled->last = PIECE_WAIT;
    pulled->n = pulled->sent = 0;
    return &pulled->body;
}
