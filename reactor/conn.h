/* A client connection: a stream with a protocol, its requests in order, and its share of the limits.
 *
 *     accepted -> (first bytes: detect) -> front end parses -> requests -> replies -> closed
 *     idle: no buffer, no request, at most 512 bytes of memory in all
 */
#ifndef SLUICE_REACTOR_CONN_H
#define SLUICE_REACTOR_CONN_H

#include "reactor/fdwindow.h"
#include "reactor/peers.h"
#include "reactor/request.h"
#include "reactor/stream.h"

struct front;
struct listener;

#define CONN_SHARED_REQUESTS 8192u /* requests in hand beyond the first of each connection */

struct conn {
    struct stream stream;      /* first: a stream of class conn is its conn */
    const struct front *front; /* NULL until the protocol is detected */
    struct listener *listener;
    struct peer *peer;
    void *state;                     /* the front end's */
    STAILQ_HEAD(, request) requests; /* in hand, in order of arrival */
    STAILQ_HEAD(, request) passing;  /* answered by a descriptor that is still in the output queue */
    uint64_t memory;                 /* bytes of replies in memory (memory_body.h) */
    uint32_t open;           /* requests that have not ended: in hand, passing, or with a body in the queue */
    uint32_t total;          /* requests so far */
    uint32_t pid;            /* of a Unix peer */
    uint16_t port;           /* of a TCP peer */
    uint16_t waiting;        /* of the open ones: those that wait for a further message (request_wait()) */
    uint16_t holding;        /* of the open ones: those with an object (request_hold()) */
    uint8_t host[PEER_HOST]; /* of an IPv6 peer: what its key leaves out */
    bool last;         /* nothing more is parsed, and the connection closes when everything is answered */
    bool paused;       /* too much is in hand: front->parse() is called again when some of it has ended */
    bool parsing;      /* inside front->parse() */
    bool expect_proxy; /* a PROXY header comes first */
    bool ordered; /* a request with an unsafe method waits until those in hand have ended (RFC 9112, 9.3.2) */
    bool alone;   /* such a request waits: nothing is parsed until everything in hand is answered */
    bool receiving; /* a body is being received: the front end sees every input, and sets the deadline */
    double opened, active; /* seconds, the loop's clock */
    struct bucket rate;
    struct fdwindow window;
};

/* Sets up the deadlines that connections share. */
void conn_init_loop(struct loop *loop);
/* Takes over an accepted socket; see listener_take. False: no slot. */
bool conn_open(struct loop *loop, struct listener *listener, int fd, struct peer *peer,
               const struct sockaddr *address);
/* May the front end take one more message now? If not, its parse() is called again when it may. */
bool conn_may_parse(struct conn *conn);
/* For a complete message: may it run? Counts it, and answers RATE_LIMITED or SHUTTING_DOWN if not. */
bool conn_admit(struct conn *conn, struct request *request);
/* No further message is read; the connection closes when everything is answered. */
void conn_finish(struct conn *conn);
/* Ends an idle connection, at once if that can cost its client no reply. */
void conn_leave(struct conn *conn);
/* While requests are in hand and nothing is read: checks now and then whether the client has left, until read_by is set
 * anew. */
void conn_watch_unread(struct conn *conn);
/* True if nothing is in hand and no input is waiting, so that a drain may end the connection. */
bool conn_is_idle(const struct conn *conn);
/* A request ended. For request.c. */
void conn_request_ended(struct conn *conn);
/* The peer as text ("uid:1000", "127.0.0.1:5000", "[::1]:5000"). */
void conn_peer_text(const struct conn *conn, char *text, size_t size);
uint64_t conn_handle(const struct conn *conn);

#endif
