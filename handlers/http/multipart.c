#include "handlers/http/multipart.h"

#include "handlers/objects/transfer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#define BOUNDARY 16 /* bytes of it */

struct multipart {
    struct body body;
    struct body *transfer;
    const char *type;
    uint64_t size;
    struct range ranges[MULTIPART_RANGES];
    unsigned n, at; /* at: the part whose text is next, or being sent; n: the last boundary */
    bool begun;     /* the part's text was sent: its bytes are next */
    size_t text_n, text_sent;
    char boundary[BOUNDARY + 1];
    char text[RANGE_TEXT + 256];
};

static struct multipart *multipart_of(struct body *body) {
    return (struct multipart *)(void *)body;
}

/* What precedes part i, or ends the body. */
static size_t make_text(const struct multipart *parts, unsigned i, char *text, size_t size) {
    char range[RANGE_TEXT];
    if (i == parts->n)
        return (size_t)snprintf(text, size, "\r\n--%s--\r\n", parts->boundary);
    size_t n = range_print(&parts->ranges[i], parts->size, range);
    return (size_t)snprintf(text, size, "%s--%s\r\nContent-Type: %.128s\r\nContent-Range: %.*s\r\n\r\n",
                            i ? "\r\n" : "", parts->boundary, parts->type, (int)n, range);
}

static void set_text(struct multipart *parts) {
    parts->text_n = make_text(parts, parts->at, parts->text, sizeof(parts->text));
    parts->text_sent = 0;
}

/* Gives the bytes of the current part, and at its end the next text. */
static void next_bytes(struct multipart *parts, struct piece *piece) {
    parts->transfer->class->next(parts->transfer, piece);
    if (piece->kind != PIECE_END)
        return;
    parts->at++;
    parts->begun = false;
    if (parts->at < parts->n)
        transfer_again(parts->transfer, parts->ranges[parts->at].offset, parts->ranges[parts->at].count);
    set_text(parts);
}

static void next(struct body *body, struct piece *piece) {
    struct multipart *parts = multipart_of(body);
    parts->transfer->stream = body->stream;
    if (parts->begun) {
        next_bytes(parts, piece);
        if (parts->begun)
            return;
    }
    if (parts->text_sent < parts->text_n)
        *piece = (struct piece){.kind = PIECE_BYTES,
                                .p = parts->text + parts->text_sent,
                                .n = parts->text_n - parts->text_sent,
                                .more = parts->at < parts->n};
    else
        *piece = (struct piece){.kind = PIECE_END};
}

static void sent(struct body *body, size_t n) {
    struct multipart *parts = multipart_of(body);
    if (parts->begun) {
        parts->transfer->class->sent(parts->transfer, n);
        return;
    }
    parts->text_sent += n;
    parts->begun = parts->text_sent == parts->text_n && parts->at < parts->n;
}

static void end(struct body *body, bool whole) {
    struct multipart *parts = multipart_of(body);
    struct body *transfer = parts->transfer;
    free(parts);
    if (transfer)
        transfer->class->end(transfer, whole);
}

static const struct body_class multipart_class = {.next = next, .sent = sent, .end = end};

static void choose_boundary(struct multipart *parts) {
    uint64_t random = 0;
    if (getrandom(&random, sizeof(random), GRND_NONBLOCK) < 0)
        random = (uintptr_t)parts;
    snprintf(parts->boundary, sizeof(parts->boundary), "%016" PRIx64, random);
}

void multipart_type(const struct body *parts, char out[static MULTIPART_TYPE]) {
    const struct multipart *multipart = (const struct multipart *)(const void *)parts;
    snprintf(out, MULTIPART_TYPE, "multipart/byteranges; boundary=%s", multipart->boundary);
}

struct body *multipart_new(const struct range *ranges, unsigned n, uint64_t size, const char *type,
                           uint64_t *length) {
    struct multipart *parts = calloc(1, sizeof(*parts));
    if (!parts)
        return NULL;
    parts->body.class = &multipart_class;
    parts->type = type;
    parts->size = size;
    parts->n = n;
    choose_boundary(parts);
    memcpy(parts->ranges, ranges, n * sizeof(*ranges));
    *length = 0;
    for (unsigned i = 0; i <= n; i++)
        *length += make_text(parts, i, parts->text, sizeof(parts->text)) + (i < n ? ranges[i].count : 0);
    set_text(parts);
    return &parts->body;
}

void multipart_read(struct body *parts, struct body *transfer) {
    multipart_of(parts)->transfer = transfer;
}
