#include "reactor/chunk_body.h"

#include "proto/chunked.h"

#include <stdio.h>
#include <stdlib.h>

#define SHORT_MAX 1024u /* pieces up to this are copied, so that a chunk leaves in one send */

/* What to send next of the current chunk:  text: ["CRLF"] "1f CRLF" [data "CRLF"] -> data of inner */
struct chunk_body {
    struct body body;
    struct body *inner;
    char text[CHUNKED_HEAD_MAX + 8 + SHORT_MAX];
    size_t text_n, text_sent;
    size_t content; /* bytes of text that are inner's */
    size_t data;    /* bytes of inner still to be sent in this chunk */
    bool open;      /* a chunk was begun, and still needs its CRLF */
    bool over;      /* the last chunk is in text */
};

static struct chunk_body *chunk_body_of(struct body *body) {
    return (struct chunk_body *)(void *)body;
}

static void put_text(struct chunk_body *chunk, const char *text, size_t n) {
    memcpy(chunk->text + chunk->text_n, text, n);
    chunk->text_n += n;
}

/* Decides what comes next from what inner has. */
static void begin_chunk(struct chunk_body *chunk, struct piece *piece) {
    char head[CHUNKED_HEAD_MAX];
    if (piece->kind == PIECE_WAIT || piece->kind == PIECE_STARVED || piece->kind == PIECE_FAIL)
        return;
    chunk->text_n = chunk->text_sent = chunk->content = 0;
    if (chunk->open)
        put_text(chunk, "\r\n", 2);
    chunk->open = piece->kind != PIECE_END;
    if (piece->kind == PIECE_END) {
        chunk->over = true;
        put_text(chunk, CHUNKED_LAST, sizeof(CHUNKED_LAST) - 1);
        return;
    }
    put_text(chunk, head, chunked_head(head, piece->n));
    if (piece->kind != PIECE_BYTES || piece->n > SHORT_MAX) {
        chunk->data = piece->n;
        return;
    }
    put_text(chunk, piece->p, piece->n);
    chunk->content = piece->n;
    put_text(chunk, "\r\n", 2);
    chunk->open = false;
    chunk->inner->class->sent(chunk->inner, piece->n);
}

static void next(struct body *body, struct piece *piece) {
    struct chunk_body *chunk = chunk_body_of(body);
    chunk->inner->stream = body->stream;
    if (chunk->text_sent == chunk->text_n && chunk->data == 0 && !chunk->over) {
        chunk->inner->class->next(chunk->inner, piece);
        begin_chunk(chunk, piece);
        if (chunk->text_sent == chunk->text_n)
            return; /* WAIT, STARVED or FAIL */
    }
    if (chunk->text_sent < chunk->text_n) {
        *piece = (struct piece){.kind = PIECE_BYTES,
                                .p = chunk->text + chunk->text_sent,
                                .n = chunk->text_n - chunk->text_sent,
                                .more = chunk->data > 0};
    } else if (chunk->over) {
        *piece = (struct piece){.kind = PIECE_END};
    } else {
        chunk->inner->class->next(chunk->inner, piece);
        if (piece->n > chunk->data)
            piece->n = chunk->data;
    }
}

static void sent(struct body *body, size_t n) {
    struct chunk_body *chunk = chunk_body_of(body);
    if (chunk->text_sent < chunk->text_n) {
        chunk->text_sent += n;
        if (chunk->text_sent == chunk->text_n && body->count)
            *body->count -= chunk->text_n - chunk->content; /* framing does not count as content */
        return;
    }
    chunk->data -= n;
    chunk->inner->class->sent(chunk->inner, n);
}

static void end(struct body *body, bool whole) {
    struct chunk_body *chunk = chunk_body_of(body);
    struct body *inner = chunk->inner;
    free(chunk);
    inner->class->end(inner, whole);
}

static const struct body_class chunk_body_class = {.next = next, .sent = sent, .end = end};

struct body *chunk_body_new(struct body *inner) {
    struct chunk_body *chunk = calloc(1, sizeof(*chunk));
    if (!chunk)
        return NULL;
    chunk->body.class = &chunk_body_class;
    chunk->inner = inner;
    return &chunk->body;
}
