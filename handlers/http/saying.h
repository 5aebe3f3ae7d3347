/* What a handler said its reply is to be, recorded until the loop's thread sends it. */
#ifndef SLUICE_HANDLERS_HTTP_SAYING_H
#define SLUICE_HANDLERS_HTTP_SAYING_H

#include "handlers/http/sluice_handler.h"

#include <stdbool.h>

#define SAYING_FIELDS 2048 /* bytes of field lines */
#define SAYING_TYPE   128  /* bytes of the line of Content-Type */
#define SAYING_SMALL  512  /* bytes of a body that needs no memory of its own */

struct channel;

enum saying_body { SAYING_BYTES, SAYING_SOURCE, SAYING_CHANNEL };

struct saying {
    int status;      /* 0: nothing was said yet */
    bool retry;      /* an error that is worth another try: Retry-After, */
    bool retry_said; /* unless the handler says when itself */
    enum saying_body kind;
    char *owned; /* the bytes of the body, malloc'ed, or NULL: they are in small */
    size_t size;
    struct sluice_source source;
    struct channel *channel;
    size_t type_n, fields_n; /* bytes of these: lines as they will be sent */
    char type[SAYING_TYPE];
    char fields[SAYING_FIELDS];
    char small[SAYING_SMALL];
};

void saying_init(struct saying *saying);
/* Drops the body; what was said of status and fields stays. */
void saying_drop(struct saying *saying);

void saying_status(struct saying *saying, int status);
/* As sluice_reply_field(). */
int saying_field(struct saying *saying, const char *name, const char *value);
/* As sluice_reply_bytes(), sluice_reply_owned(), sluice_reply_error(). */
int saying_bytes(struct saying *saying, const char *type, const void *bytes, size_t size);
int saying_owned(struct saying *saying, const char *type, void *bytes, size_t size);
int saying_format(struct saying *saying, const char *type, const char *format, va_list values);
void saying_error(struct saying *saying, int status, const char *message);
/* Takes over source, to be dropped by saying_drop() or by who takes it out. */
void saying_source(struct saying *saying, const char *type, const struct sluice_source *source);
/* Takes over the reader's side of the channel. */
void saying_channel(struct saying *saying, const char *type, struct channel *channel);

static inline const char *saying_at(const struct saying *saying) {
    return saying->owned ? saying->owned : saying->small;
}

#endif
