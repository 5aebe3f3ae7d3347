#include "reactor/http1_reply.h"

#include "reactor/chunk_body.h"
#include "reactor/conn.h"
#include "reactor/http1_front.h"
#include "reactor/loop.h"

#include <stdio.h>
#include <string.h>

bool http1_reply_is_head(const struct exchange *exchange) {
    return exchange->head.method == HTTP1_HEAD;
}

static struct span date_text(struct http1_service *service, const struct loop *loop) {
    time_t now = loop_date(loop);
    if (now != service->dated) {
        service->dated = now;
        http1_date(now, service->date);
    }
    return span_of(service->date, HTTP1_DATE_SIZE - 1);
}

void http1_reply_forward(struct http1_reply *reply, struct request *request, int status, void *room,
                         size_t size) {
    reply->request = request;
    reply->exchange = request->exchange;
    reply->exchange->status = (uint16_t)status;
    http1_writer_init(&reply->writer, room, size);
    http1_writer_status(&reply->writer, status);
}

void http1_reply_date(struct http1_reply *reply) {
    struct loop *loop = request_loop(reply->request);
    http1_writer_lines(&reply->writer, span_text("Date: "));
    http1_writer_lines(&reply->writer, date_text(loop->http, loop));
    http1_writer_lines(&reply->writer, span_text("\r\n"));
}

void http1_reply_begin(struct http1_reply *reply, struct request *request, int status) {
    http1_reply_forward(reply, request, status, reply->room, sizeof(reply->room));
    http1_reply_date(reply);
}

void http1_reply_field(struct http1_reply *reply, const char *name, struct span value) {
    http1_writer_field(&reply->writer, span_text(name), value);
}

void http1_reply_number(struct http1_reply *reply, const char *name, uint64_t value) {
    http1_writer_number(&reply->writer, span_text(name), value);
}

void http1_reply_lines(struct http1_reply *reply, struct span lines) {
    http1_writer_lines(&reply->writer, lines);
}

/* Ends the head with what the connection does next. */
static struct span finish_head(struct http1_reply *reply) {
    struct exchange *exchange = reply->exchange;
    struct conn *conn = reply->request->conn;
    bool draining = conn->stream.loop->state >= LOOP_DRAINING;
    bool newest = !reply->request->again && STAILQ_NEXT(reply->request, link) == NULL;
    if (exchange->receiving || (newest && (conn->last || draining)))
        exchange->close = true; /* nothing is read after this one */
    if (exchange->close) {
        conn->last = true;
        http1_writer_field(&reply->writer, span_of("Connection", 10), span_of("close", 5));
    } else if (exchange->head.minor == 0) {
        http1_writer_field(&reply->writer, span_of("Connection", 10), span_of("keep-alive", 10));
    }
    return span_of(reply->writer.at, http1_writer_end(&reply->writer) == 0 ? reply->writer.n : 0);
}

/* The head did not fit, or a field was malformed: an error reply of our own instead. */
static struct span overflow(struct http1_reply *reply) {
    static const char text[] =
        "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    reply->request->conn->last = true;
    reply->exchange->status = 500;
    return span_of(text, sizeof(text) - 1);
}

static void send_reply(struct http1_reply *reply, struct span body, int fd, struct body *pulled) {
    struct loop *loop = request_loop(reply->request);
    struct span head = finish_head(reply);
    int status = reply->exchange->status;
    if (head.n == 0) {
        head = overflow(reply);
        body.n = 0;
        if (pulled || fd >= 0) /* they end unsent, and not before the reply is given */
            stream_abort(&reply->request->conn->stream);
    }
    if (!pulled && reply->exchange->receiving)
        http1_intake_skip_rest(reply->request->conn);
    if (status < 400)
        loop->stats.replies_OK++;
    request_reply(reply->request, head, body, fd, pulled);
}

void http1_reply_bytes(struct http1_reply *reply, struct span body) {
    http1_reply_number(reply, "Content-Length", body.n);
    if (http1_reply_is_head(reply->exchange))
        body.n = 0;
    reply->exchange->replied_bytes = body.n;
    send_reply(reply, body, -1, NULL);
}

void http1_reply_body(struct http1_reply *reply, uint64_t length, struct body *body) {
    http1_reply_number(reply, "Content-Length", length);
    send_reply(reply, span_of(NULL, 0), -1, body);
}

void http1_reply_stream(struct http1_reply *reply, struct body *body) {
    if (reply->exchange->head.minor == 0) {
        reply->exchange->close = true; /* RFC 9112, 6.3: only the end of the connection ends the body */
    } else {
        struct body *chunked = chunk_body_new(body);
        if (!chunked) {
            reply->exchange->close = true;
        } else {
            body = chunked;
            http1_reply_field(reply, "Transfer-Encoding", span_of("chunked", 7));
        }
    }
    send_reply(reply, span_of(NULL, 0), -1, body);
}

void http1_reply_empty(struct http1_reply *reply, uint64_t length) {
    if (length != UINT64_MAX)
        http1_reply_number(reply, "Content-Length", length);
    send_reply(reply, span_of(NULL, 0), -1, NULL);
}

void http1_reply_upgrade(struct http1_reply *reply, struct body *body) {
    http1_reply_field(reply, "Connection", span_of("upgrade", 7));
    reply->request->conn->last = true;
    struct span head = span_of(reply->writer.at, http1_writer_end(&reply->writer) == 0 ? reply->writer.n : 0);
    if (head.n == 0) {
        stream_abort(&reply->request->conn->stream);
        head = span_of("", 0);
    }
    request_reply(reply->request, head, span_of(NULL, 0), -1, body);
}

void http1_reply_fd(struct http1_reply *reply, int fd) {
    http1_reply_number(reply, "Content-Length", 0);
    http1_reply_number(reply, "Sluice-Fds", 1);
    send_reply(reply, span_of(NULL, 0), fd, NULL);
}

void http1_reply_error(struct request *request, int status, const char *name, const char *text) {
    struct http1_reply reply;
    char body[256], usual[HTTP1_NAME_MAX];
    http1_error_name(status, usual);
    int n =
        snprintf(body, sizeof(body), "{\"error\":\"%s\",\"message\":\"%s\"}\n", name ? name : usual, text);
    http1_reply_begin(&reply, request, status);
    http1_reply_field(&reply, "Content-Type", span_text("application/json"));
    if (status == 503 || status == 429)
        http1_reply_number(&reply, "Retry-After", 1);
    http1_reply_bytes(&reply, span_of(body, n < (int)sizeof(body) ? (size_t)n : sizeof(body) - 1));
}
