/* An HTTP/1.1 request body on its way in, or the start of an incomplete head: what a connection keeps between reads, in
 * conn->state.
 *
 *     bytes -> [chunked_decode] -> sink.data(): gathered in the exchange, or the handler's own, as far as it takes them
 *           '- 100 Continue first, where the client waits for it        '- fewer than all: paused until http1_resume()
 *     all of it -> sink.end()     malformed, too long, too late -> sink.cut(), an error, the end of the connection
 *
 * Owned by the connection; the request whose body it is outlives it or ends it (http1_intake_end()). */
#ifndef SLUICE_REACTOR_HTTP1_INTAKE_H
#define SLUICE_REACTOR_HTTP1_INTAKE_H

#include "proto/chunked.h"
#include "reactor/exchange.h"

struct conn;
struct request;

/* Where the body of a request goes as it arrives. Until end() or cut() the exchange is `receiving`; a reply given
 * before that is the connection's last. */
struct http_sink {
    /* Takes bytes of the body and returns how many; fewer than all: no more until http1_resume(). */
    size_t (*data)(struct request *request, struct span data);
    /* The body is complete. */
    void (*end)(struct request *request);
    /* The body will not be complete: malformed, too long or too late. If there is no reply yet, the front end sends an
     * error next. */
    void (*cut)(struct request *request);
};

struct http1_intake {
    struct http1_scan scan;  /* of a head */
    struct request *request; /* whose body is being received; NULL: none */
    const struct http_sink *sink;
    struct chunked chunked;
    enum http1_body kind;
    uint64_t left;     /* bytes of the body, or of a chunk as far as it has come */
    uint64_t taken;    /* bytes of the body so far */
    uint64_t progress; /* bytes since the deadline was set */
    bool paused;       /* the sink takes no more for now */
};

/* The connection's, made if there is none; NULL without memory. */
struct http1_intake *http1_intake_of(struct conn *conn);
/* Frees it: nothing is being received any longer. */
void http1_intake_end(struct conn *conn);
/* The request whose body is being received has its whole answer: the rest of the body is not read, and the connection
 * ends when everything is answered. The handler is done with it, even if the answer has to wait for earlier ones. */
void http1_intake_skip_rest(struct conn *conn);
/* From now on the connection's bytes are the body of this request, whose exchange is kept and announces one. The
 * connection must have an intake. */
void http1_intake_begin(struct conn *conn, struct request *request);
/* Continues with the body. False: wait for more of it, or the connection is over. */
bool http1_intake_take(struct conn *conn);
/* The body ends prematurely: the request, unless already answered, is answered with an error, and the connection ends.
 * status: HTTP's; name (NULL: the status's) and reason: constants for the body of the error. */
void http1_intake_cut(struct conn *conn, int status, const char *name, const char *reason);
/* The client ended its side inside a body: the end of an upgraded connection's, premature for any other. */
void http1_intake_stop(struct conn *conn);

/* The sink takes bytes again. */
void http1_resume(struct request *request);
/* After the reply to a request that asked for another protocol: from now on all bytes of the connection are the
 * request's body, of any length, until the client ends its side. False: no memory. */
bool http1_switch(struct request *request, const struct http_sink *sink);

#endif
