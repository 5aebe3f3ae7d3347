#include "reactor/request.h"

#include "reactor/conn.h"
#include "reactor/front.h"
#include "reactor/loop.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

struct kept_reply {
    struct body *body;
    int fd;
    size_t n;
    char bytes[];
};

struct loop *request_loop(const struct request *request) {
    return request->conn->stream.loop;
}

uint64_t request_handle(const struct request *request) {
    return slots_handle(&request_loop(request)->requests, request);
}

struct request *request_find(struct loop *loop, uint64_t handle) {
    return slots_find(&loop->requests, handle);
}

struct request *request_new(struct conn *conn) {
    struct loop *loop = conn->stream.loop;
    struct request *request = slots_take(&loop->requests);
    if (!request)
        return NULL;
    request->conn = conn;
    request->started_ns = loop->now_ns;
    STAILQ_INSERT_TAIL(&conn->requests, request, link);
    if (conn->open++ > 0)
        loop->extra_requests++;
    return request;
}

void request_wait(struct request *request, bool waiting) {
    struct conn *conn = request->conn;
    if (request->waiting == waiting)
        return;
    request->waiting = waiting;
    conn->waiting = (uint16_t)(waiting ? conn->waiting + 1 : conn->waiting - 1);
    if (waiting && conn->paused)
        stream_wake(&conn->stream); /* parse on in this turn's prepare hook */
}

void request_hold(struct request *request) {
    struct conn *conn = request->conn;
    if (request->holding)
        return;
    request->holding = true;
    if (conn->holding++ > 0)
        conn->stream.loop->extra_objects++;
}

static void end_hold(struct request *request) {
    struct conn *conn = request->conn;
    if (request->holding && --conn->holding > 0)
        conn->stream.loop->extra_objects--;
}

/* ---- the reply, in its turn -------------------------------------------------------------------- */

/* Gives the slot back; the request has left its connection's list. */
static void end_request(struct request *request) {
    struct conn *conn = request->conn;
    struct loop *loop = conn->stream.loop;
    if (request->exchange)
        conn->front->ended(request);
    request_wait(request, false);
    end_hold(request);
    slots_give(&loop->requests, request);
    if (--conn->open > 0)
        loop->extra_requests--;
    conn_request_ended(conn);
}

/* No memory for a reply: its place in the order cannot be kept, so the connection has to end. The body ends with the
 * connection and not now, since the caller still uses it. */
static void drop_reply(struct request *request, int fd, struct body *body) {
    struct conn *conn = request->conn;
    if (fd >= 0)
        ledger_release(&conn->stream.loop->ledger, fd);
    stream_abort(&conn->stream);
    request->unsent = body;
}

/* Puts a reply into the connection's queue. */
static void release(struct request *request, struct span head, struct span rest, int fd, struct body *body) {
    struct conn *conn = request->conn;
    int error = stream_send(&conn->stream, head, rest, fd, body);
    request->released = !error;
    if (error) {
        drop_reply(request, fd, body);
        STAILQ_INSERT_HEAD(&conn->requests, request, link);
    } else if (fd >= 0) {
        STAILQ_INSERT_TAIL(&conn->passing, request, link);
    } else if (body) {
        request->has_body = true;
        body->count = &request->body_sent;
    } else {
        end_request(request);
    }
}

void request_passed(struct conn *conn, unsigned fds) {
    while (fds-- > 0) {
        struct request *request = STAILQ_FIRST(&conn->passing);
        STAILQ_REMOVE_HEAD(&conn->passing, link);
        end_request(request);
    }
}

struct request *request_take_back(struct conn *conn) {
    struct request *request = STAILQ_FIRST(&conn->passing);
    STAILQ_REMOVE_HEAD(&conn->passing, link);
    /* Before all that have no reply in the queue. */
    STAILQ_INSERT_HEAD(&conn->requests, request, link);
    fdwindow_take_back(&conn->window, 1);
    request_loop(request)->stats.replies_OK--;
    request->replied = request->released = false;
    request->again = true;
    return request;
}

/* Releases the replies that were kept until this one had left. */
static void release_kept(struct conn *conn) {
    struct request *request;
    while ((request = STAILQ_FIRST(&conn->requests)) && request->kept) {
        struct kept_reply *kept = request->kept;
        request->kept = NULL;
        STAILQ_REMOVE_HEAD(&conn->requests, link);
        release(request, span_of(kept->bytes, kept->n), span_of(NULL, 0), kept->fd, kept->body);
        free(kept);
    }
}

static void keep(struct request *request, struct span head, struct span rest, int fd, struct body *body) {
    struct kept_reply *kept = malloc(sizeof(*kept) + head.n + rest.n);
    if (!kept) {
        drop_reply(request, fd, body);
        return;
    }
    *kept = (struct kept_reply){.body = body, .fd = fd, .n = head.n + rest.n};
    memcpy(kept->bytes, head.p, head.n);
    if (rest.n)
        memcpy(kept->bytes + head.n, rest.p, rest.n);
    request->kept = kept;
}

void request_reply(struct request *request, struct span head, struct span rest, int fd, struct body *body) {
    struct conn *conn = request->conn;
    assert(!request->replied && !(fd >= 0 && body));
    request->replied = true;
    request->reply_n = (uint32_t)(head.n + rest.n);
    if (fd >= 0)
        fdwindow_promise(&conn->window);
    request->cleanup = NULL;
    if (request != STAILQ_FIRST(&conn->requests) && !request->open_order) {
        keep(request, head, rest, fd, body);
        return;
    }
    STAILQ_REMOVE(&conn->requests, request, request, link);
    release(request, head, rest, fd, body);
    release_kept(conn);
}

void request_no_reply(struct request *request) {
    struct conn *conn = request->conn;
    assert(!request->replied);
    request->replied = true;
    request->cleanup = NULL;
    STAILQ_REMOVE(&conn->requests, request, request, link);
    end_request(request);
    release_kept(conn);
}

/* ---- errors ------------------------------------------------------------------------------------ */

void request_fail(struct request *request, enum status status, const char *text) {
    loop_count_reply(request_loop(request), status);
    request->conn->front->fail(request, status, text);
}

void request_fail_errno(struct request *request, int error) {
    char text[96];
    enum status status = status_of_errno(error);
    int positive = error < 0 ? -error : error;
    if (status == STATUS_IO) {
        const char *name = strerrorname_np(positive);
        snprintf(text, sizeof(text), "%s: %s", name ? name : "errno", strerrordesc_np(positive));
        request_fail(request, status, text);
    } else {
        request_fail(request, status, status_meaning(status));
    }
}

void request_body_ended(struct request *request, bool whole) {
    struct conn *conn = request->conn;
    assert(request->replied && request->has_body);
    if (!whole)
        stream_abort(&conn->stream);
    if (!request->released) /* still kept behind others when the connection died */
        STAILQ_REMOVE(&conn->requests, request, request, link);
    end_request(request);
}

/* ---- jobs, and the end of the connection ------------------------------------------------------- */

void request_submit(struct request *request, struct job *job, void (*done)(struct job *job), void *context) {
    struct loop *loop = request_loop(request);
    job->owner = request_handle(request);
    job->done = done;
    job->context = context;
    request->job = job;
    offload_submit(loop->offload, job);
}

struct request *request_of_job(struct loop *loop, struct job *job) {
    struct request *request = request_find(loop, job->owner);
    if (request && request->job == job)
        request->job = NULL;
    return request;
}

void request_abandon(struct request *request) {
    struct conn *conn = request->conn;
    struct loop *loop = conn->stream.loop;
    if (request->job)
        offload_cancel(loop->offload, request->job);
    if (request->cleanup)
        request->cleanup(request);
    struct kept_reply *kept = request->kept;
    struct body *body = kept ? kept->body : request->unsent;
    if (kept && kept->fd >= 0)
        ledger_release(&loop->ledger, kept->fd);
    request->kept = NULL;
    free(kept);
    if (body) {
        request->has_body = true;
        body->class->end(body, false); /* ends the request */
        return;
    }
    STAILQ_REMOVE(&conn->requests, request, request, link);
    end_request(request);
}
