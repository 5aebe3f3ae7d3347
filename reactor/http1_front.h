/* The HTTP/1.1 front end: heads to exchanges, exchanges to handlers; bodies arrive through http1_intake.h.
 *
 *     bytes -> http1_decode -> route -> [body: length | chunked, up to the route's limit] -> handler.run()
 *                                 \-> 100 Continue when the client waits for it
 *     bytes -> http1_decode -> route -> handler.run() -> body -> handler.sink, as far as it takes it
 *
 * What cannot be parsed is answered with an error and the connection closed. main injects the service. */
#ifndef SLUICE_REACTOR_HTTP1_FRONT_H
#define SLUICE_REACTOR_HTTP1_FRONT_H

#include "proto/http1_date.h"
#include "reactor/exchange.h"
#include "reactor/front.h"
#include "reactor/http1_intake.h"

#define HTTP1_PATH_ROOM HTTP1_TARGET_MAX

struct loop;

/* What answers an exchange. */
struct http_handler {
    uint64_t body_limit;          /* a longer body is answered 413 */
    bool early;                   /* runs without the body; a request that has one ends the connection */
    const struct http_sink *sink; /* run() comes first, then the body; NULL: run() when all of it is there */
    /* Replies (http1_reply.h), or submits a job whose done() replies. */
    void (*run)(struct request *request, struct exchange *exchange);
    void *context;
};

struct http1_service {
    /* The handler for an exchange whose head is decoded; fills in params. Never NULL. */
    const struct http_handler *(*route)(struct http1_service *service, struct request *request,
                                        struct exchange *exchange);
    /* A request is over: for the access log and metrics. exchange->status is 0 if no reply left. May be NULL. */
    void (*ended)(struct http1_service *service, struct request *request, struct exchange *exchange);
    /* 100 Continue was sent: for the counters. May be NULL. */
    void (*interim)(struct http1_service *service);
    void *context;
    struct http1_limits limits;

    /* The front end's own. */
    struct exchange scratch;
    struct http1_field fields[HTTP1_FIELDS_MAX];
    char path[HTTP1_PATH_ROOM];
    char date[HTTP1_DATE_SIZE];
    time_t dated; /* the second that date is of */
};

extern const struct front http1_front;

/* Prepares a service; route, ended, interim and context are the caller's. */
void http1_service_init(struct http1_service *service);

#endif
