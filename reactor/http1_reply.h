/* HTTP replies.
 *
 *     struct http1_reply reply;
 *     http1_reply_begin(&reply, request, 200);
 *     http1_reply_field(&reply, "Content-Type", span_text("text/plain"));
 *     http1_reply_bytes(&reply, body);              or _body, _stream, _fd, _empty: exactly one of them
 *
 * Framing, Date, Connection and leaving out the body for HEAD are done here, never by handlers. */
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
/* The same for passing on another server's reply, in the caller's room and without a Date (see http1_reply_date()). */
void http1_reply_forward(struct http1_reply *reply, struct request *request, int status, void *room,
                         size_t size);
void http1_reply_date(struct http1_reply *reply);
void http1_reply_field(struct http1_reply *reply, const char *name, struct span value);
void http1_reply_number(struct http1_reply *reply, const char *name, uint64_t value);
/* Field lines that an http1_writer wrote. */
void http1_reply_lines(struct http1_reply *reply, struct span lines);
/* Sends the whole body, which is copied. */
void http1_reply_bytes(struct http1_reply *reply, struct span body);
/* Sends a body of exactly length bytes; the queue owns it from now on. Not for HEAD: see http1_reply_empty(). */
void http1_reply_body(struct http1_reply *reply, uint64_t length, struct body *body);
/* Sends a body of unknown length: chunked, or for HTTP/1.0 until the connection ends. */
void http1_reply_stream(struct http1_reply *reply, struct body *body);
/* Sends no body: 204, 304, or a reply to HEAD. length: the Content-Length that the body would have; UINT64_MAX: none is
 * sent. */
void http1_reply_empty(struct http1_reply *reply, uint64_t length);
/* Sends a descriptor instead of a body: Content-Length: 0, Sluice-Fds: 1. */
void http1_reply_fd(struct http1_reply *reply, int fd);
/* Sends 101: the body is what the other protocol sends, until it ends. For the other direction see http1_switch(). */
void http1_reply_upgrade(struct http1_reply *reply, struct body *body);
/* Sends an error as JSON: {"error":NAME,"message":TEXT}; name NULL: the status's (http1_error_name()). */
void http1_reply_error(struct request *request, int status, const char *name, const char *text);
/* True if the request is HEAD, whose reply has no body. */
bool http1_reply_is_head(const struct exchange *exchange);

#endif
