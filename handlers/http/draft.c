#include "handlers/http/draft.h"

#include "handlers/http/channel.h"
#include "handlers/http/json_text.h"
#include "proto/chars.h"
#include "proto/http1_writer.h"

#include <stdio.h>
#include <stdlib.h>

#define ERROR_TEXT "{\"error\":\"%s\",\"message\":" /* then the message and "}\n" */

void draft_init(struct draft *draft) {
    draft->status = 0;
    draft->retry = draft->retry_said = false;
    draft->kind = DRAFT_BYTES;
    draft->owned = NULL;
    draft->size = 0;
    draft->type_n = draft->fields_n = 0;
}

void draft_drop(struct draft *draft) {
    if (draft->kind == DRAFT_SOURCE && draft->source.drop)
        draft->source.drop(draft->source.state);
    if (draft->kind == DRAFT_CHANNEL)
        channel_leave(draft->channel);
    free(draft->owned);
    draft->kind = DRAFT_BYTES;
    draft->owned = NULL;
    draft->size = 0;
}

void draft_status(struct draft *draft, int status) {
    draft->status = status >= 200 && status <= 599 ? status : 500;
}

/* Fields that frame messages, or that only the daemon writes. */
static bool is_reserved(struct span name) {
    static const char *const reserved[] = {
        "Content-Length",   "Transfer-Encoding", "Connection", "Keep-Alive", "Date",
        "Proxy-Connection", "Upgrade",           "Trailer",    "TE",         "Sluice-Fds"};
    for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
        if (span_equal_nocase(name, span_text(reserved[i])))
            return true;
    return false;
}

/* Adds a line to lines of max bytes, *n of which are in use. -1: it does not fit or is malformed. */
static int put_line(char *lines, size_t *n, size_t max, struct span name, struct span value) {
    struct http1_writer writer;
    http1_writer_init(&writer, lines + *n, max - *n);
    http1_writer_field(&writer, name, value);
    if (writer.error)
        return -1;
    *n += writer.n;
    return 0;
}

static int set_type(struct draft *draft, const char *type) {
    draft->type_n = 0;
    return put_line(draft->type, &draft->type_n, DRAFT_TYPE, span_of("Content-Type", 12), span_text(type));
}

int draft_field(struct draft *draft, const char *name_text, const char *value) {
    if (!name_text || !value) /* a parameter or field of the request that is not there */
        return -1;
    struct span name = span_text(name_text);
    if (is_reserved(name))
        return -1;
    if (span_equal_nocase(name, span_text("Content-Type")))
        return set_type(draft, value);
    if (put_line(draft->fields, &draft->fields_n, DRAFT_FIELDS, name, span_text(value)) != 0)
        return -1;
    draft->retry_said |= span_equal_nocase(name, span_text("Retry-After"));
    return 0;
}

/* Begins a new body, which replaces an earlier one. */
static int begin(struct draft *draft, const char *type) {
    draft_drop(draft);
    if (draft->status == 0)
        draft->status = 200;
    draft->retry = false;
    return type ? set_type(draft, type) : 0;
}

static int out_of_memory(struct draft *draft) {
    draft_error(draft, 503, "no memory for the reply; try again");
    return -1;
}

int draft_bytes(struct draft *draft, const char *type, const void *bytes, size_t size) {
    if (size > DRAFT_SMALL) {
        char *copy = malloc(size);
        if (copy)
            memcpy(copy, bytes, size);
        return copy ? draft_owned(draft, type, copy, size) : out_of_memory(draft);
    }
    int error = begin(draft, type);
    if (size > 0)
        memcpy(draft->small, bytes, size);
    draft->size = size;
    return error;
}

int draft_owned(struct draft *draft, const char *type, void *bytes, size_t size) {
    int error = begin(draft, type);
    draft->owned = bytes;
    draft->size = size;
    return error;
}

int draft_format(struct draft *draft, const char *type, const char *format, va_list values) {
    char small[DRAFT_SMALL], *text = NULL;
    va_list again;
    va_copy(again, values);
    int n = vsnprintf(small, sizeof(small), format, values), result;
    if (n >= 0 && (size_t)n < sizeof(small))
        result = draft_bytes(draft, type, small, (size_t)n);
    else if (n >= 0 && vasprintf(&text, format, again) == n)
        result = draft_owned(draft, type, text, (size_t)n);
    else
        result = out_of_memory(draft);
    va_end(again);
    return result;
}

void draft_error(struct draft *draft, int status, const char *message) {
    struct span text = span_text(message ? message : "");
    char name[HTTP1_NAME_MAX], *body = malloc(sizeof(ERROR_TEXT) + sizeof(name) + json_text_room(text.n));
    draft_status(draft, status);
    if (!body) { /* the status says enough */
        draft_bytes(draft, NULL, NULL, 0);
    } else {
        http1_error_name(draft->status, name);
        size_t n = (size_t)sprintf(body, ERROR_TEXT, name);
        n += json_text_quote(text, body + n);
        n += (size_t)sprintf(body + n, "}\n");
        draft_owned(draft, "application/json", body, n);
    }
    draft->retry = draft->status == 503 || draft->status == 429;
}

void draft_source(struct draft *draft, const char *type, const struct sluice_source *source) {
    begin(draft, type);
    draft->kind = DRAFT_SOURCE;
    draft->source = *source;
}

void draft_channel(struct draft *draft, const char *type, struct channel *channel) {
    begin(draft, type);
    draft->kind = DRAFT_CHANNEL;
    draft->channel = channel;
}
