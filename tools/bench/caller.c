#include "tools/bench/caller.h"

#include "offload/clock.h"
#include "proto/object.h"
#include "reactor/container.h"
#include "tools/bench/worker.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

static struct caller *caller_of(struct stream *stream) {
    return (struct caller *)(void *)stream;
}

static struct caller *caller_of_dial(struct dial *dial) {
    return CONTAINER_OF(dial, struct caller, dial);
}

static struct caller *caller_of_deadline(struct deadline *deadline) {
    return CONTAINER_OF(deadline, struct caller, deadline);
}

/* ---- the end of a connection ------------------------------------------------------------------- */

/* Everything under way has failed, and the connection with it. */
static void give_up(struct caller *caller, enum bench_error error, const char *what) {
    struct worker *worker = caller->worker;
    unsigned lost = caller->flight.count;
    bool silent = error == ERROR_CLOSED && lost == 0 && (caller->served > 0 || worker->finished);
    if (!silent)
        tally_error(worker->tally, error, lost ? lost : 1, what);
    while (caller->flight.count > 0)
        flight_pop(&caller->flight);
    caller->ending = true;
    stream_abort(&caller->stream);
    worker_ended(worker, lost);
}

static void died(struct stream *stream) {
    struct caller *caller = caller_of(stream);
    struct worker *worker = caller->worker;
    if (caller->flight.count > 0) /* broken while sending */
        give_up(caller, ERROR_CLOSED, bench_error_meaning(ERROR_CLOSED));
    fdqueue_close(&caller->fds);
    deadline_clear(&caller->deadline);
    caller->open = false;
    worker_closed(worker);
    if (worker->finished)
        return;
    worker->tally->reconnects++;
    if (caller->served > 0)
        caller_dial(caller);
    else /* a server that turns connections away is not to be asked in a circle */
        deadline_set(&caller->deadline, &worker->redial_deadline);
}

/* ---- replies ----------------------------------------------------------------------------------- */

static enum delivery delivery_of(const struct reply *reply) {
    if (reply->fds > 0)
        return DELIVERY_DESCRIPTOR;
    return reply->keyed ? DELIVERY_BYTES : DELIVERY_NONE;
}

static void count_refusal(struct caller *caller, const struct reply *reply) {
    char word[64], what[TALLY_FIRST];
    caller->worker->plan->dialect->status_word(reply->status, word, sizeof(word));
    snprintf(what, sizeof(what), "%s%s%.*s", word, reply->said.n ? " " : "", (int)reply->said.n,
             reply->said.p ? reply->said.p : "");
    tally_error(caller->worker->tally, ERROR_STATUS, 1, what);
}

/* A redirect is no error, but not what was asked for either: it is told apart, as errors are. */
static void count_status(struct tally *tally, const struct reply *reply) {
    if (!reply->ok || reply->status >= 300)
        tally->statuses[reply->status < TALLY_STATUSES ? reply->status : TALLY_STATUSES - 1]++;
}

/* The oldest request is answered; wrong: NULL or what is wrong with its content. */
static void settle(struct caller *caller, const char *wrong, int64_t now) {
    struct worker *worker = caller->worker;
    const struct reply *reply = &caller->reply;
    struct exchange exchange = *flight_oldest(&caller->flight);
    flight_pop(&caller->flight);
    caller->tag++;
    caller->served++;
    caller->ever_served = true;
    caller->free_ns = now;
    worker->tally->replies++;
    count_status(worker->tally, reply);
    bool measured = worker_measures(worker, exchange.intended_ns);
    if (!wrong && reply->ok && worker_measures(worker, now))
        worker->tally->timely_requests++;
    if (wrong) {
        tally_error(worker->tally, reply->fds ? ERROR_DESCRIPTOR : ERROR_CONTENT, 1, wrong);
    } else if (!reply->ok) {
        count_refusal(caller, reply);
        if (measured)
            tally_refusal(worker->tally, exchange.intended_ns, now);
    } else if (measured) {
        tally_reply(worker->tally, delivery_of(reply), exchange.intended_ns, now,
                    reply->fds ? 0 : reply->body);
    }
    worker_ended(worker, 1);
}

static const char *take_descriptor(struct caller *caller, uint32_t key) {
    struct worker *worker = caller->worker;
    const struct reply *reply = &caller->reply;
    const char *wrong = NULL;
    int fd = fdqueue_take(&caller->fds);
    if (fd < 0)
        return "a reply that promises a descriptor came without one";
    if (!inspector_idle(&worker->inspector))
        wrong = inspect_descriptor(&worker->inspector, fd, reply->body, key, reply->version);
    fdbin_add(&worker->bin, fd);
    return wrong;
}

/* When the reply is complete: after touching and checking, if that is done. */
static int64_t arrival(const struct caller *caller, int64_t now) {
    return inspector_idle(&caller->worker->inspector) ? now : clock_ns();
}

/* The head of a reply has come. */
static void begin_reply(struct caller *caller, int64_t now) {
    const struct reply *reply = &caller->reply;
    if (reply->fds > 0) {
        const char *wrong = take_descriptor(caller, flight_oldest(&caller->flight)->key);
        settle(caller, wrong, arrival(caller, now));
    } else if (reply->interim) {
        return;
    } else if (reply->body > 0 || reply->until_close || reply->chunked) {
        caller->in_body = true;
        caller->chunked = (struct chunked){0};
        caller->body_left = reply->until_close ? UINT64_MAX : reply->body;
        caller->body = (struct inspection){0};
    } else {
        settle(caller, NULL, now);
    }
}

static void end_body(struct caller *caller, int64_t now) {
    struct worker *worker = caller->worker;
    const char *wrong = NULL;
    uint32_t key = flight_oldest(&caller->flight)->key;
    caller->in_body = false;
    caller->reply.body = caller->body.count;
    if (caller->reply.keyed && !inspector_idle(&worker->inspector))
        wrong = inspect_end(&worker->inspector, &caller->body, key, caller->reply.version);
    settle(caller, wrong, arrival(caller, now));
}

static void look_at(struct caller *caller, struct span bytes, int64_t now) {
    if (caller->reply.ok && worker_measures(caller->worker, now))
        caller->worker->tally->timely_bytes += bytes.n;
    if (inspector_idle(&caller->worker->inspector))
        caller->body.count += bytes.n;
    else
        inspect_bytes(&caller->worker->inspector, &caller->body, bytes);
}

static void take_chunks(struct caller *caller, struct span pending, int64_t now) {
    struct span rest = pending, data;
    enum chunked_event event;
    while ((event = chunked_decode(&caller->chunked, &rest, &data)) == CHUNKED_DATA)
        look_at(caller, data, now);
    iobuf_parsed(caller->stream.in, pending.n - rest.n);
    if (event == CHUNKED_END)
        end_body(caller, now);
    else if (event == CHUNKED_BAD)
        give_up(caller, ERROR_PROTOCOL, caller->chunked.reason);
}

/* Takes body bytes from the input. */
static void take_body(struct caller *caller, struct span pending, int64_t now) {
    if (caller->reply.chunked) {
        take_chunks(caller, pending, now);
        return;
    }
    size_t n = pending.n < caller->body_left ? pending.n : (size_t)caller->body_left;
    look_at(caller, span_of(pending.p, n), now);
    caller->body_left -= n;
    iobuf_parsed(caller->stream.in, n);
    if (caller->body_left == 0)
        end_body(caller, now);
}

/* Takes the head of a reply from the input. False: it is not complete, or no reply. */
static bool take_head(struct caller *caller, struct span pending, int64_t now) {
    const struct plan *plan = caller->worker->plan;
    struct reply *reply = &caller->reply;
    if (caller->flight.count == 0) {
        give_up(caller, ERROR_PROTOCOL, "bytes that nobody asked for");
        return false;
    }
    plan->dialect->decode(plan, pending, flight_oldest(&caller->flight), caller->tag, reply);
    if (reply->kind == VERDICT_BAD) {
        give_up(caller, ERROR_PROTOCOL, reply->reason);
        return false;
    }
    if (reply->kind == VERDICT_MORE) {
        if (iobuf_reserve(&caller->stream.loop->inputs, &caller->stream.in, reply->n) != 0)
            give_up(caller, ERROR_LOCAL, "no memory for a reply");
        return false;
    }
    iobuf_parsed(caller->stream.in, reply->n);
    begin_reply(caller, now);
    return true;
}

static void take_replies(struct caller *caller, int64_t now) {
    while (!caller->stream.dying) {
        struct span pending = iobuf_pending(caller->stream.in);
        if (pending.n == 0)
            break;
        if (caller->in_body)
            take_body(caller, pending, now);
        else if (!take_head(caller, pending, now))
            break;
    }
    if (caller->flight.count == 0 && caller->fds.count > 0 && !caller->stream.dying)
        give_up(caller, ERROR_DESCRIPTOR, "descriptors that nobody asked for");
}

static bool has_ended(const struct caller *caller) {
    long limit = caller->worker->plan->settings->requests_per_conn;
    return caller->flight.count == 0 &&
           ((limit > 0 && caller->served >= (uint64_t)limit) || caller->reply.last);
}

/* Waits for more, sends more, or ends the connection. */
static void go_on(struct caller *caller, int64_t now) {
    if (caller->stream.dying)
        return;
    if (caller->stream.eof) {
        if (caller->in_body && caller->reply.until_close)
            end_body(caller, now);
        give_up(caller, ERROR_CLOSED, bench_error_meaning(ERROR_CLOSED));
    } else if (has_ended(caller)) {
        caller->ending = true;
        deadline_clear(&caller->deadline);
        stream_close(&caller->stream);
    } else {
        deadline_clear(&caller->deadline);
        caller_send(caller, now);
    }
}

static void input(struct stream *stream) {
    struct caller *caller = caller_of(stream);
    int64_t now = clock_ns();
    take_replies(caller, now);
    go_on(caller, now);
    iobuf_settle(&stream->loop->inputs, &stream->in);
}

static bool descriptors(struct stream *stream, const struct msghdr *message) {
    struct caller *caller = caller_of(stream);
    if (fdqueue_receive(&caller->fds, message) == 0)
        return true;
    give_up(caller, ERROR_DESCRIPTOR, "descriptors were lost on the way: the limit of open files is too low");
    return false;
}

static void drained(struct stream *stream) {
    (void)stream;
}

static const struct stream_class caller_class = {
    .kind = FD_UPSTREAM,
    .input = input,
    .drained = drained,
    .died = died,
    .descriptors = descriptors,
};

/* ---- requests ---------------------------------------------------------------------------------- */

static bool may_send(const struct caller *caller) {
    long limit = caller->worker->plan->settings->requests_per_conn;
    return caller->open && !caller->ending && !caller->stream.dying && !flight_full(&caller->flight) &&
           (limit == 0 || caller->sent < (uint64_t)limit);
}

void caller_send(struct caller *caller, int64_t now_ns) {
    struct worker *worker = caller->worker;
    struct exchange exchange;
    bool any = false;
    while (may_send(caller) && worker_take(worker, caller, now_ns, &exchange)) {
        uint32_t tag = caller->tag + caller->flight.count;
        flight_push(&caller->flight, exchange);
        caller->sent++;
        any = caller->ever_sent = true;
        if (worker->plan->dialect->send(worker->plan, &caller->stream, &exchange, tag) != 0) {
            give_up(caller, ERROR_LOCAL, "no memory for a request");
            return;
        }
    }
    if (caller->flight.count > 0 && !caller->deadline.class)
        deadline_set(&caller->deadline, &worker->reply_deadline);
    if (any) { /* at once: the turn's other callers are not to be part of its latency */
        stream_clean(&caller->stream);
        stream_flush(&caller->stream);
    }
}

/* ---- connecting -------------------------------------------------------------------------------- */

static void open_stream(struct caller *caller, int fd) {
    struct worker *worker = caller->worker;
    const struct plan *plan = worker->plan;
    const struct dial_name *server =
        &plan->servers[(unsigned)(caller - worker->callers) % plan->servers_count];
    int64_t now = clock_ns();
    memset(&caller->stream, 0, sizeof(caller->stream));
    fdqueue_init(&caller->fds);
    stream_init(&caller->stream, worker->loop, &caller_class, fd, server->address.ss_family == AF_UNIX);
    caller->reply = (struct reply){0};
    caller->in_body = caller->ending = false;
    caller->sent = caller->served = 0;
    caller->free_ns = caller->dialed_ns;
    caller->open = true;
    histogram_add(&worker->tally->connect, (uint64_t)(now - caller->dialed_ns));
    worker_opened(worker);
    worker_tried(worker, caller);
    caller_send(caller, now);
}

static bool is_local(int error) {
    return error == -EMFILE || error == -ENFILE || error == -ENOMEM || error == -ENOBUFS ||
           error == -EADDRNOTAVAIL || error == -EADDRINUSE;
}

static void not_connected(struct caller *caller, int error) {
    struct worker *worker = caller->worker;
    tally_error(worker->tally, is_local(error) ? ERROR_LOCAL : ERROR_CONNECT, 1, strerrordesc_np(-error));
    deadline_set(&caller->deadline, &worker->redial_deadline);
    worker_tried(worker, caller);
}

static void dialed(struct dial *dial, int result) {
    struct caller *caller = caller_of_dial(dial);
    struct worker *worker = caller->worker;
    int64_t patience = (int64_t)(worker->plan->settings->timeout * 1e9);
    deadline_clear(&caller->deadline);
    if (result >= 0)
        open_stream(caller, result);
    else if (result == -EAGAIN && clock_ns() - caller->dialed_ns < patience)
        deadline_set(&caller->deadline, &worker->backlog_deadline); /* Unix: the server's backlog is full */
    else
        not_connected(caller, result);
}

static void dial_now(struct caller *caller) {
    struct worker *worker = caller->worker;
    const struct plan *plan = worker->plan;
    unsigned number = (unsigned)(caller - worker->callers);
    const struct dial_name *source =
        plan->sources_count ? &plan->sources[number % plan->sources_count] : NULL;
    if (worker->finished)
        return;
    deadline_set(&caller->deadline, &worker->dial_deadline);
    dial_begin(&caller->dial, worker->loop, &plan->servers[number % plan->servers_count], source, NULL,
               dialed);
}

void caller_dial(struct caller *caller) {
    caller->dialed_ns = clock_ns();
    dial_now(caller);
}

void caller_stop(struct caller *caller) {
    struct worker *worker = caller->worker;
    bool idle = caller->open && !caller->ever_sent; /* the others did it all */
    bool unserved = !caller->ever_served && !idle;
    deadline_clear(&caller->deadline);
    dial_cancel(&caller->dial);
    while (caller->flight.count > 0)
        flight_pop(&caller->flight);
    if (caller->open)
        stream_abort(&caller->stream);
    if (unserved)
        worker->tally->never_served++;
}

/* ---- deadlines --------------------------------------------------------------------------------- */

void caller_late(struct caller *caller) {
    if (caller->flight.count > 0)
        give_up(caller, ERROR_TIMEOUT, bench_error_meaning(ERROR_TIMEOUT));
}

static void reply_late(struct deadline *deadline) {
    caller_late(caller_of_deadline(deadline));
}

static void dial_late(struct deadline *deadline) {
    struct caller *caller = caller_of_deadline(deadline);
    dial_cancel(&caller->dial);
    not_connected(caller, -ETIMEDOUT);
}

static void dial_again(struct deadline *deadline) {
    caller_dial(caller_of_deadline(deadline));
}

static void dial_on(struct deadline *deadline) {
    dial_now(caller_of_deadline(deadline));
}

#define REDIAL_AFTER  0.1   /* seconds between attempts to connect */
#define BACKLOG_AFTER 0.005 /* seconds until a full backlog is tried again */

void caller_deadlines(struct worker *worker) {
    struct deadlines *all = &worker->loop->deadlines;
    double timeout = worker->plan->settings->timeout;
    deadlines_add(all, &worker->reply_deadline, timeout, reply_late);
    deadlines_add(all, &worker->dial_deadline, timeout, dial_late);
    deadlines_add(all, &worker->redial_deadline, REDIAL_AFTER, dial_again);
    deadlines_add(all, &worker->backlog_deadline, BACKLOG_AFTER, dial_on);
}

static_assert(offsetof(struct caller, stream) == 0, "a stream of this class is its caller");
