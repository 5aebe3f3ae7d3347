/* An HTTP request in hand: its decoded head, its body, and how its reply has to look.
 *
 *     head in the input buffer -> the loop's scratch exchange -> handler.run() -> reply at once: nothing is kept
 *                                              \-> not replied when run() returns, or a body to receive:
 *                                                  exchange_keep(): head and decoded spans move to memory of its own
 *
 * Always reach it through request->exchange: the pointer changes when it is kept, so nobody else may store it. */
#ifndef SLUICE_REACTOR_EXCHANGE_H
#define SLUICE_REACTOR_EXCHANGE_H

#include "proto/http1.h"

#include <stdint.h>

#define EXCHANGE_PARAMS 8

struct loop;
struct request;
struct http_handler;

struct exchange_param {
    struct span name;  /* the route's, a constant */
    struct span value; /* still percent-encoded */
};

struct exchange {
    struct http1_request head;
    struct span path; /* normalised: what routes match and upstreams get */
    const struct http_handler *handler;
    struct exchange_param params[EXCHANGE_PARAMS];
    unsigned params_count;
    unsigned methods;  /* if no route has its own: those of the path's routes, a bit per enum http1_method */
    struct loop *loop; /* whose request_bytes the body is booked in; NULL: it has ended */
    char *body;        /* owned; NULL without one */
    size_t body_n, body_size;
    void *state;               /* the handler's */
    void (*drop)(void *state); /* frees state when the exchange ends; may be NULL */
    int64_t started_ns;
    size_t replied_bytes; /* of the reply's body, those sent with its head; later ones: request->body_sent */
    uint16_t status;      /* of the reply; 0: none yet */
    const char *delivery; /* how the reply went, for the access log */
    bool close;           /* the connection ends after the reply */
    bool kept;            /* in memory of its own */
    unsigned holders;     /* kept: how many exchange_end() it takes to free it */
    bool expect_continue; /* 100 is due before the body comes */
    bool receiving;       /* the body is not complete */
    uint8_t siblings, coding; /* of an object: which compressed siblings were tried (sibling.h) */
    char request_id[40];      /* X-Request-ID, accepted or made; "" until asked for */
    char *bytes;              /* kept: the head, then path if it was rewritten */
};

/* Moves a scratch exchange into memory of its own; head is the memory that its spans point into, and perhaps path too.
 * NULL without memory (nothing has changed). */
struct exchange *exchange_keep(const struct exchange *scratch, struct span head);
/* The request's exchange for a user that may outlast the request, like a thread: it is kept now if it was not. The user
 * ends its hold by exchange_end(), on the loop's thread. NULL without memory. */
struct exchange *exchange_hold(struct request *request);
/* Ends one hold; the last one frees a kept exchange. For a scratch exchange it frees what the exchange owns. */
void exchange_end(struct exchange *exchange);
/* Makes room for n more bytes of body. 0, -ENOMEM, or -ENOBUFS: request_bytes_total is used up. */
int exchange_reserve(struct exchange *exchange, size_t n);
/* Frees the body, which is no longer needed. */
void exchange_drop_body(struct exchange *exchange);
/* The value of the first field with this name; p is NULL if there is none. */
struct span exchange_field(const struct exchange *exchange, const char *name);
/* The parameter of this name; p is NULL if there is none. */
struct span exchange_param(const struct exchange *exchange, const char *name);

#endif
