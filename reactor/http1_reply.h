/* HTTP replies.
 *
 *     struct http1_reply reply;
 *     http1_reply_begin(&reply, request, 200);
 *     http1_reply_field(&reply, "Content-Type", span_text("text/plain"));
 *     http1_reply_bytes(&reply, body);              or _body, _stream, _fd, _empty: exactly one of them
 *
 * Framing, Date, Connection and the silence towards HEAD are this file's business, never the handler's. */
#ifndef SLUICE_REACTOR_HTTP1_REPLY_H
#define SLUICE_REACTOR_HTTP1_REPLY_H

#include "proto/http1_writer.h"
#include "reactor/body.h"
#include "reactor/exchange.h"
#include "reactor/outq.h"

#define HTTP1_REPLY_ROOM 4096

struct http1_reply {
    struct request *request;
    struct exchange *exchange;
    struct http1_writer writer;
    char room[HTTP1_REPLY_ROOM];
};

void http1_reply_begin(struct http1_reply *reply, struct request *request, int status);
/* The same for the reply of another server, in room of the caller's and without a Date: http1_reply_date(). */
void http1_reply_forward(struct http1_reply *reply, struct request *request, int status, void *room,
                         size_t size);
void http1_reply_date(struct http1_reply *reply);
void http1_reply_field(struct http1_reply *reply, const char *name, struct span value);
void http1_reply_number(struct http1_reply *reply, const char *name, uint64_t value);
/* Field lines that an http1_writer wrote. */
void http1_reply_lines(struct http1_reply *reply, struct span lines);
/* The whole body at hand (copied). */
void http1_reply_bytes(struct http1_reply *reply, struct span body);
/* A body of exactly length bytes; it is the queue's from now on. Not for HEAD: http1_reply_empty(). */
void http1_reply_body(struct http1_reply *reply, uint64_t length, struct body *body);
/* A body whose length nobody knows: chunked, or until the connection ends for HTTP/1.0. */
void http1_reply_stream(struct http1_reply *reply, struct body *body);
/* No body and no length: 204, 304 (length: as the body would have had, UINT64_MAX: not said). */
void http1_reply_empty(struct http1_reply *reply, uint64_t length);
/* A descriptor instead of a body: Content-Length 0, Sluice-Fds: 1. */
void http1_reply_fd(struct http1_reply *reply, int fd);
/* 101: the body is what the other protocol sends, until it ends. http1_switch() is for the other direction. */
void http1_reply_upgrade(struct http1_reply *reply, struct body *body);
/* An error as JSON: {"error":NAME,"message":TEXT}; name NULL: the status's (http1_error_name). */
void http1_reply_error(struct request *request, int status, const char *name, const char *text);
/* True if the exchange asks for no body: HEAD. */
bool http1_reply_is_head(const struct exchange *exchange);

#endif
