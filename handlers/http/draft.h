/* The draft of a reply: what a handler has composed, on whatever thread, until the loop sends it (call.c).
 *
 *     sluice_reply_*() -> draft: status, field lines, and one body: bytes (small or owned) | a source | a channel
 *     later calls replace status and body; fields add up */
#ifndef SLUICE_HANDLERS_HTTP_DRAFT_H
#define SLUICE_HANDLERS_HTTP_DRAFT_H

#include "handlers/http/sluice_handler.h"

#include <stdbool.h>

#define DRAFT_FIELDS 2048 /* bytes of field lines */
#define DRAFT_TYPE   128  /* bytes of the line of Content-Type */
#define DRAFT_SMALL  512  /* bytes of a body that needs no memory of its own */

struct channel;

enum draft_body { DRAFT_BYTES, DRAFT_SOURCE, DRAFT_CHANNEL };

struct draft {
    int status;      /* 0: not set yet */
    bool retry;      /* an error that is worth another try: gets Retry-After ... */
    bool retry_said; /* ... unless the handler has set one itself */
    enum draft_body kind;
    char *owned; /* the bytes of the body, malloc'ed, or NULL: they are in small */
    size_t size;
    struct sluice_source source;
    struct channel *channel;
    size_t type_n, fields_n; /* bytes of these: lines as they will be sent */
    char type[DRAFT_TYPE];
    char fields[DRAFT_FIELDS];
    char small[DRAFT_SMALL];
};

void draft_init(struct draft *draft);
/* Drops the body; status and fields stay. */
void draft_drop(struct draft *draft);

/* 200 to 599; anything else becomes 500. */
void draft_status(struct draft *draft, int status);
/* Like sluice_reply_field(). */
int draft_field(struct draft *draft, const char *name, const char *value);
/* Like sluice_reply_bytes(), sluice_reply_owned(), sluice_reply_text() and sluice_reply_error(). */
int draft_bytes(struct draft *draft, const char *type, const void *bytes, size_t size);
int draft_owned(struct draft *draft, const char *type, void *bytes, size_t size);
int draft_format(struct draft *draft, const char *type, const char *format, va_list values);
void draft_error(struct draft *draft, int status, const char *message);
/* Takes over source, which is dropped by draft_drop(), or by whoever takes it out. */
void draft_source(struct draft *draft, const char *type, const struct sluice_source *source);
/* Takes over the reader's side of the channel. */
void draft_channel(struct draft *draft, const char *type, struct channel *channel);

static inline const char *draft_at(const struct draft *draft) {
    return draft->owned ? draft->owned : draft->small;
}

#endif
