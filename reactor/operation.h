/* How the object protocol's front end finds its handlers without calling upward: in a table by letter, which a family
 * of handlers fills at startup (loop->operations). http1_front.h and rpc_front.h have the same for HTTP and
 * JSON-RPC. */
#ifndef SLUICE_REACTOR_OPERATION_H
#define SLUICE_REACTOR_OPERATION_H

#include "proto/span.h"

#include <stdbool.h>
#include <stdint.h>

struct request;

/* An operation of the object protocol. */
struct operation {
    uint8_t letter;
    uint8_t flags; /* request flags that it knows */
    /* Answers, or submits a job whose done() answers. payload is valid during the call. */
    void (*run)(struct request *request, struct span payload);
    void *context; /* the family's state, for run() */
};

#endif
