/* A protocol as the load generator speaks it: how a request is written, how a reply begins.
 *
 *     before the load:  key -> write() -> plan->requests
 *     in it:            exchange -> send() -> stream
 *                       pending bytes -> decode() -> head: what follows it -> caller */
#ifndef SLUICE_BENCH_DIALECT_H
#define SLUICE_BENCH_DIALECT_H

#include "proto/verdict.h"
#include "tools/bench/flight.h"
#include "tools/bench/plan.h"

struct stream;

/* The head of a reply. */
struct reply {
    enum verdict_kind kind;
    size_t n;           /* FRAME: bytes of the head */
    const char *reason; /* BAD: why */
    struct span said;   /* not ok: the message, in the pending bytes; may be empty */
    bool ok;            /* the server delivers what was asked for */
    bool last;          /* the server ends the connection after it */
    bool until_close;   /* the body ends with the connection */
    bool chunked;       /* the body is in the chunked coding */
    bool interim;       /* not the reply yet: another head follows */
    bool keyed;         /* the bytes belong to the key: they can be verified */
    unsigned status;    /* the protocol's own */
    unsigned fds;       /* descriptors that came with it */
    uint64_t body;      /* bytes that follow the head, or that the descriptor is good for */
    uint64_t version;   /* of the object; 0: unknown */
};

struct dialect {
    /* Writes what can be written before the load of the request for a key; *out is malloc'ed. 0, -ENOMEM, or -EINVAL
     * with a sentence in why. */
    int (*write)(const struct plan *plan, struct span key, struct span *out, char *why, size_t why_size);
    /* Queues the request for an exchange. tag: of this request. 0 or -ENOBUFS. */
    int (*send)(const struct plan *plan, struct stream *stream, const struct exchange *exchange,
                uint32_t tag);
    /* Judges the pending bytes as the reply to an exchange. */
    void (*decode)(const struct plan *plan, struct span pending, const struct exchange *exchange,
                   uint32_t tag, struct reply *reply);
    /* A status as a word for people and programs. */
    void (*status_word)(unsigned status, char *out, size_t size);
};

extern const struct dialect dialect_slc, dialect_http, dialect_rpc;

/* send() of the protocols whose requests are whole as they were written. */
int dialect_send_whole(const struct plan *plan, struct stream *stream, const struct exchange *exchange,
                       uint32_t tag);

#endif
