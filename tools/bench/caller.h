/* A caller: one connection of the load generator and the requests under way on it.
 *
 *     idle -> dial -> open: send while the worker has a request for it -> replies, in order -> idle ...
 *                     the connection ends: what was under way has failed; it dials again
 */
#ifndef SLUICE_BENCH_CALLER_H
#define SLUICE_BENCH_CALLER_H

#include "proto/chunked.h"
#include "proto/fdqueue.h"
#include "reactor/stream.h"
#include "reactor/dial.h"
#include "tools/bench/dialect.h"
#include "tools/bench/flight.h"
#include "tools/bench/inspect.h"
#include "tools/bench/tally.h"

struct worker;

struct caller {
    struct stream stream; /* first: a stream of this class is its caller */
    struct worker *worker;
    struct dial dial;
    struct flight flight;
    struct deadline deadline; /* of the reply, of the dial, or of the pause before the next one */
    struct reply reply;       /* whose body is being received */
    struct inspection body;
    struct chunked chunked;
    struct fdqueue fds;
    uint64_t body_left;
    uint64_t turn;         /* open loop: the number of its next request */
    uint64_t sent, served; /* requests and replies of this connection */
    int64_t free_ns;       /* closed loop: since when it could have sent */
    int64_t dialed_ns;
    uint32_t tag; /* of the oldest request under way */
    bool in_body;
    bool open;
    bool ending;                 /* sends no more; its connection is being closed */
    bool tried;                  /* its first connection was made, or not */
    bool ever_sent, ever_served; /* a request, a reply of this run */
};

/* flight's memory and the worker are set. Starts to connect. */
void caller_dial(struct caller *caller);
/* Sends what the worker has for it by now. */
void caller_send(struct caller *caller, int64_t now_ns);
/* What is under way took too long: it has failed, and the connection with it. */
void caller_late(struct caller *caller);
/* Ends whatever it is doing; what is under way counts as nothing. */
void caller_stop(struct caller *caller);
/* Sets up the deadlines that callers share. */
void caller_deadlines(struct worker *worker);

#endif
