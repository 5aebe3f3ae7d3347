#include "handlers/http/saying.h"

#include "handlers/http/channel.h"
#include "handlers/http/json_text.h"
#include "proto/chars.h"
#include "proto/http1_writer.h"

#include <stdio.h>
#include <stdlib.h>

#define ERROR_TEXT "{\"error\":\"%s\",\"message\":" /* then the message and "}\n" */

void saying_init(struct saying *saying) {
    saying->status = 0;
    saying->retry = saying->retry_said = false;
    saying->kind = SAYING_BYTES;
    saying->owned = NULL;
    saying->size = 0;
    saying->type_n = saying->fields_n = 0;
}

void saying_drop(struct saying *saying) {
    if (saying->kind == SAYING_SOURCE && saying->source.drop)
        saying->source.drop(saying->source.state);
    if (saying->kind == SAYING_CHANNEL)
        channel_leave(saying->channel);
    free(saying->owned);
    saying->kind = SAYING_BYTES;
    saying->owned = NULL;
    saying->size = 0;
}

void saying_status(struct saying *saying, int status) {
    saying->status = status >= 200 && status <= 599 ? status : 500;
}

/* Those that frame messages, or are the daemon's to say. */
static bool is_reserved(struct span name) {
    static const char *const reserved[] = {
        "Content-Length",   "Transfer-Encoding", "Connection", "Keep-Alive", "Date",
        "Proxy-Connection", "Upgrade",           "Trailer",    "TE",         "Sluice-Fds"};
    for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
        if (span_equal_nocase(name, span_text(reserved[i])))
            return true;
    return false;
}

/* Adds a line to lines of max bytes, *n of which are in use. -1: it does not fit or is none. */
static int put_line(char *lines, size_t *n, size_t max, struct span name, struct span value) {
    struct http1_writer writer;
    http1_writer_init(&writer, lines + *n, max - *n);
    http1_writer_field(&writer, name, value);
    if (writer.error)
        return -1;
    *n += writer.n;
    return 0;
}

static int set_type(struct saying *saying, const char *type) {
    saying->type_n = 0;
    return put_line(saying->type, &saying->type_n, SAYING_TYPE, span_of("Content-Type", 12), span_text(type));
}

int saying_field(struct saying *saying, const char *name_text, const char *value) {
    if (!name_text || !value) /* a parameter or field of the request that is not there */
        return -1;
    struct span name = span_text(name_text);
    if (is_reserved(name))
        return -1;
    if (span_equal_nocase(name, span_text("Content-Type")))
        return set_type(saying, value);
    if (put_line(saying->fields, &saying->fields_n, SAYING_FIELDS, name, span_text(value)) != 0)
        return -1;
    saying->retry_said |= span_equal_nocase(name, span_text("Retry-After"));
    return 0;
}

/* A new body: what was said before no longer counts. */
static int begin(struct saying *saying, const char *type) {
    saying_drop(saying);
    if (saying->status == 0)
        saying->status = 200;
    saying->retry = false;
    return type ? set_type(saying, type) : 0;
}

static int out_of_memory(struct saying *saying) {
    saying_error(saying, 503, "no memory for the reply; try again");
    return -1;
}

int saying_bytes(struct saying *saying, const char *type, const void *bytes, size_t size) {
    if (size > SAYING_SMALL) {
        char *copy = malloc(size);
        if (copy)
            memcpy(copy, bytes, size);
        return copy ? saying_owned(saying, type, copy, size) : out_of_memory(saying);
    }
    int error = begin(saying, type);
    if (size > 0)
        memcpy(saying->small, bytes, size);
    saying->size = size;
    return error;
}

int saying_owned(struct saying *saying, const char *type, void *bytes, size_t size) {
    int error = begin(saying, type);
    saying->owned = bytes;
    saying->size = size;
    return error;
}

int saying_format(struct saying *saying, const char *type, const char *format, va_list values) {
    char small[SAYING_SMALL], *text = NULL;
    va_list again;
    va_copy(again, values);
    int n = vsnprintf(small, sizeof(small), format, values), result;
    if (n >= 0 && (size_t)n < sizeof(small))
        result = saying_bytes(saying, type, small, (size_t)n);
    else if (n >= 0 && vasprintf(&text, format, again) == n)
        result = saying_owned(saying, type, text, (size_t)n);
    else
        result = out_of_memory(saying);
    va_end(again);
    return result;
}

void saying_error(struct saying *saying, int status, const char *message) {
    struct span text = span_text(message ? message : "");
    char name[HTTP1_NAME_MAX], *body = malloc(sizeof(ERROR_TEXT) + sizeof(name) + json_text_room(text.n));
    saying_status(saying, status);
    if (!body) { /* the status says enough */
        saying_bytes(saying, NULL, NULL, 0);
    } else {
        http1_error_name(saying->status, name);
        size_t n = (size_t)sprintf(body, ERROR_TEXT, name);
        n += json_text_quote(text, body + n);
        n += (size_t)sprintf(body + n, "}\n");
        saying_owned(saying, "application/json", body, n);
    }
    saying->retry = saying->status == 503 || saying->status == 429;
}

void saying_source(struct saying *saying, const char *type, const struct sluice_source *source) {
    begin(saying, type);
    saying->kind = SAYING_SOURCE;
    saying->source = *source;
}

void saying_channel(struct saying *saying, const char *type, struct channel *channel) {
    begin(saying, type);
    saying->kind = SAYING_CHANNEL;
    saying->channel = channel;
}
