/* Calls in hand: from a message to its methods and back.
 *
 *     payload -> rpc_batch_run() -> message(s) -> method.run(call) ---- rpc_result() | rpc_error() ---------+
 *                                             \-> method.work on a thread -> done ------------------------+ |
 *     transport.reply(text) <- all members answered: one object, or an array as they finished <-----------+-+
 *
 * A call belongs to its method until the method answers it, exactly once, even if the client has left; the answer is
 * dropped then. So methods may keep the pointer across jobs. Replies have the id as it was written.
 */
#ifndef SLUICE_HANDLERS_RPC_CALL_H
#define SLUICE_HANDLERS_RPC_CALL_H

#include "handlers/http/text.h"
#include "handlers/rpc/method.h"
#include "offload/job.h"
#include "proto/status.h"
#include "reactor/request.h"

#include <sys/queue.h>

struct rpc;
struct rpc_batch;

/* A transport: how its messages are answered. */
struct rpc_transport {
    unsigned sets; /* RPC_PLAIN, RPC_MCP: the methods that it offers */
    bool batches;  /* arrays are accepted */
    /* Sends the one reply: text, malloc'ed, n bytes and room for one more, taken over; NULL: there is nothing to say.
     * fd: -1, or held for the client; see batch->passed and fd_at. batch->request is the client's. */
    void (*reply)(struct rpc_batch *batch, char *text, size_t n, int fd);
    /* Sends a notification that belongs to the message, before its reply. NULL: the transport has none. False: it does
     * not reach the client. */
    bool (*notify)(struct rpc_batch *batch, struct span text);
    /* Makes the client come back later for the rest. May be NULL. */
    void (*pause)(struct rpc_batch *batch);
    /* Looks at a call before its method runs. False: it has answered the call. May be NULL. */
    bool (*admit)(struct rpc_call *call, json_t *params);
    /* The client's answer to something that the server asked. May be NULL. */
    void (*answered)(struct rpc_batch *batch, struct span id, struct span result, struct span error);
    /* The batch ends, replied to or not: frees its context. May be NULL. */
    void (*drop)(struct rpc_batch *batch);
};

/* Turns an answer into another one: how MCP makes a tool's result out of a method's. */
struct rpc_wrap {
    /* Writes the result. */
    void (*result)(struct rpc_call *call, struct text *out, struct span json);
    /* Writes a result instead of an error. False: it stays an error. May be NULL. */
    bool (*error)(struct rpc_call *call, struct text *out, int code, const char *message, const json_t *data);
    /* The code to send instead of this one. May be NULL. */
    int (*code)(const struct rpc_call *call, int code);
};

/* A message in hand: one call, or an array of them. */
struct rpc_batch {
    LIST_ENTRY(rpc_batch) link;  /* rpc->batches */
    LIST_HEAD(, rpc_call) calls; /* those not answered */
    struct rpc *rpc;
    struct request *request; /* NULL: the client has left */
    const struct rpc_transport *transport;
    void *context; /* the transport's */
    struct text out;
    unsigned open;    /* calls not answered */
    unsigned answers; /* in out */
    unsigned awaits;  /* calls that wait for a message from the client */
    bool admin;       /* its listener has administration */
    bool array;
    bool dispatching; /* inside dispatch(): the reply waits */
    bool detached;    /* there is no request any longer, but the transport still has a client to tell */
    int fd;           /* rides on the reply; -1: none */
    uint64_t *passed; /* the counter for it */
    size_t fd_at;     /* where in out the answer that it belongs to starts */
    int code;         /* of the last error; 0: none */
    char *rest;       /* members not yet started: a copy, owned */
    struct span left; /* of them, in rest or in the payload */
};

struct rpc_call {
    LIST_ENTRY(rpc_call) link;
    struct rpc_batch *batch;
    const struct rpc_method *method;
    json_t *params;              /* an object; owned */
    json_t *message;             /* the message's params, if params are a part of them only; owned; or NULL */
    json_t *meta;                /* the message's params._meta; owned; NULL: none */
    const struct rpc_wrap *wrap; /* NULL: answers go as they are */
    struct job *job;             /* in flight for it, or NULL: cancelled when the client leaves or says so */
    json_t *answers;             /* of the client to what the call asked, by key; owned; NULL: none */
    const char *asked;           /* the method's name in the message; NULL: as method's */
    /* Not NULL: it waits for the client; this answers it when it is cancelled. */
    void (*waiting)(struct rpc_call *call);
    void *state;    /* the method's */
    bool notice;    /* a notification: never answered */
    bool cancelled; /* nobody wants the answer */
    bool awaits;    /* waits for a message from the client (rpc_await_client()) */
    bool modern;    /* MCP without sessions, 2026-07-28 */
    unsigned id_n;
    char id[]; /* as it was written */
};

/* Takes a message, and replies through the transport, now or later. payload only has to be valid during the call. */
void rpc_batch_run(struct rpc *rpc, struct request *request, const struct rpc_transport *transport,
                   void *context, struct span payload);

/* The same for a message that has already been checked by jsontext_check(); value.p NULL: it is not JSON. False: there
 * was no memory, and context, which transport->drop() frees otherwise, is still the caller's. */
bool rpc_batch_run_value(struct rpc *rpc, struct request *request, const struct rpc_transport *transport,
                         void *context, struct span value);

/* The client has left: calls in hand go on without it, and their answers are dropped. */
void rpc_batch_abandon(struct rpc_batch *batch);

/* The request ends, but its client will come back: nothing that the server has to say is dropped. */
void rpc_batch_detach(struct rpc_batch *batch);

/* Answers a call. result is taken over; NULL: out of memory. */
void rpc_result(struct rpc_call *call, json_t *result);
/* The same with the result as JSON text. */
void rpc_result_text(struct rpc_call *call, struct span json);
/* Answers with an error. message NULL: the specification's words; data is taken over; NULL: none. */
void rpc_error(struct rpc_call *call, int code, const char *message, json_t *data);
/* The same for a status (status.def). */
void rpc_fail(struct rpc_call *call, enum status status, const char *text);
void rpc_fail_errno(struct rpc_call *call, int error);
/* Answers -32602 with the path of the bad parameter. */
void rpc_complain(struct rpc_call *call, const struct rpc_complaint *complaint);
/* Ends a call without an answer: a notification, or a call that was cancelled. */
void rpc_silence(struct rpc_call *call);

/* The client's request, NULL when it has left. */
struct request *rpc_request(const struct rpc_call *call);
/* Does its listener have administration? */
bool rpc_has_admin(const struct rpc_call *call);
/* Attaches a descriptor to the reply; the call's result must follow at once. The reply holds fd in the ledger; *passed,
 * a counter of descriptors that were passed, must stay valid. False: the reply already has one, or nobody waits for the
 * result; fd is still the caller's. */
bool rpc_attach(struct rpc_call *call, int fd, uint64_t *passed);

/* Sends a notification that belongs to the call, before its answer. False: the transport has none, or nobody waits for
 * the answer, and it was dropped. */
bool rpc_notify(struct rpc_call *call, struct span text);
/* Makes the client come back later for the rest, where the transport can. */
void rpc_pause(struct rpc_call *call);
/* From now on, or no longer, the call waits for a message from the client, which is read however much the client has in
 * hand. Ends at the latest when the call is answered. */
void rpc_await_client(struct rpc_call *call, bool awaits);
/* Checks the call's params, then runs its method (which may have been changed). */
void rpc_run_method(struct rpc_call *call);

/* A job for a call, cancelled with it. done() must first get the call by rpc_call_of_job(). */
struct job *rpc_job(struct rpc_call *call, enum job_kind kind, enum job_pool pool);
void rpc_submit(struct rpc_call *call, struct job *job, void (*done)(struct job *job));
struct rpc_call *rpc_call_of_job(struct job *job);
/* Nobody wants the answer any longer: its job, if it has not started, will not. */
void rpc_cancel(struct rpc_call *call);

/* Runs the method's work() on a thread. */
void rpc_work_start(struct rpc_call *call);

/* ---- on a thread (method.work) ------------------------------------------------------------------ */

struct rpc_work {
    void *context;                /* the method's */
    const atomic_bool *cancelled; /* to be checked in long work */
    const json_t *answers;        /* in: what the client answered, by key; NULL: nothing */
    const char *progress;         /* in: the progress token as JSON; NULL: no progress is wanted */
    int level;                    /* in: least level of log messages, as in MCP; -1: none are wanted */
    unsigned can;                 /* in: abilities of the client */
    bool called;        /* in: for a client of JSON-RPC, who can be told something before the answer */
    json_t *result;     /* out: taken */
    char *text;         /* out: the result as JSON text instead, malloc'ed, taken */
    json_t *asks;       /* out: requests to the client, by key: the work is done again with their answers */
    int code;           /* out: not 0: an error with this code and message */
    enum status status; /* out: not OK: an error with this status and message */
    char message[256];  /* out */
};

/* Any thread, during the work: a notification for the client. */
void rpc_work_notify(struct rpc_work *work, struct span text);
/* The same for rpc_pause(). */
void rpc_work_pause(struct rpc_work *work);

#endif
