#include "handlers/http/dispatch.h"

#include "handlers/http/admin.h"
#include "handlers/http/builtin.h"
#include "handlers/http/call.h"
#include "handlers/http/http.h"
#include "handlers/http/placement.h"
#include "handlers/http/router.h"
#include "offload/clock.h"
#include "reactor/conn.h"
#include "reactor/listener.h"
#include "reactor/loop.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* A route in service. */
struct served_route {
    struct http_handler handler; /* what the front end runs; its context is this struct */
    struct sluice_route route;
    struct dispatch *dispatch;
    struct served_route *next;
    struct placement placement; /* of an auto route */
    char title[];
};

struct dispatch {
    struct http *http;
    struct served_route *served;
    unsigned in_pool, in_pool_max; /* calls that wait for a worker or run on one */
};

/* ---- on the loop ------------------------------------------------------------------------------- */

static int64_t nanoseconds(double seconds) {
    return (int64_t)(seconds * 1e9);
}

static void note_placement(struct served_route *served, int64_t ns) {
    struct http *http = served->dispatch->http;
    if (served->route.run != SLUICE_RUN_AUTO || http->settings.workers == WORKERS_OFF ||
        !placement_note(&served->placement, ns, nanoseconds(http->settings.auto_p99)))
        return;
    http->stats.auto_moves++;
    log_info(http->loop->log, "route moved", log_text("route", served->title),
             log_text("to", served->placement.workers ? "workers" : "loop"));
}

static void note_inline(struct served_route *served, int64_t ns) {
    struct http *http = served->dispatch->http;
    http->stats.handlers_inline++;
    histogram_add(&http->stats.http_inline, ns > 0 ? (uint64_t)ns : 0);
    if (ns > nanoseconds(http->settings.inline_warn)) {
        http->stats.inline_slow++;
        log_warn(http->loop->log, "inline handler held the loop", log_text("route", served->title),
                 log_number("microseconds", ns / 1000));
    }
    note_placement(served, ns);
}

static void run_inline(struct served_route *served, struct request *request) {
    struct call call;
    call_init(&call, request, &served->route);
    int64_t start = clock_ns();
    call_run(&call);
    note_inline(served, clock_ns() - start);
    if (!call.deferred)
        call_send(&call, request);
    call_clean(&call);
}

/* ---- on a worker ------------------------------------------------------------------------------- */

static void work(struct job *job) {
    call_run(job->call.argument);
}

static void worked(struct job *job) {
    struct served_route *served = job->context;
    struct call *call = job->call.argument;
    struct http *http = served->dispatch->http;
    struct request *request = request_of_job(http->loop, job);
    served->dispatch->in_pool--;
    if (job->error == 0) {
        http->stats.handlers_worker++;
        note_placement(served, job->finished_ns - job->started_ns);
        if (request && !call->deferred)
            call_send(call, request);
    } else {
        http->stats.handlers_dropped++;
        if (request && job->error == -ECANCELED)
            request_fail(request, STATUS_SHUTTING_DOWN, "the server is shutting down");
        else if (request)
            request_fail(request, STATUS_BUSY, "no thread for this request; try again");
    }
    call_release(call);
}

static void run_on_worker(struct served_route *served, struct request *request) {
    struct dispatch *dispatch = served->dispatch;
    struct http *http = dispatch->http;
    bool room = dispatch->in_pool < dispatch->in_pool_max;
    struct job *job = room ? offload_job(http->loop->offload, JOB_CALL, JOB_POOL_HANDLERS) : NULL;
    struct call *call = job ? call_new(request, &served->route) : NULL;
    if (!call) {
        if (job)
            offload_release(http->loop->offload, job);
        http->stats.handlers_refused++;
        request_fail(request, STATUS_BUSY, "too many requests wait for a worker; try again");
        return;
    }
    job->call.run = work;
    job->call.argument = call;
    dispatch->in_pool++;
    request_submit(request, job, worked, served);
}

/* Why a route of administration may not be used, or NULL. */
static const char *forbidden(const struct served_route *served, const struct request *request,
                             const struct exchange *exchange) {
    if (!served->route.admin)
        return NULL;
    if (!request->conn->listener->options.admin)
        return "this listener has no administration";
    return admin_forbidden(served->dispatch->http, request, exchange);
}

static void run(struct request *request, struct exchange *exchange) {
    struct served_route *served = exchange->handler->context;
    enum sluice_run where = served->route.run;
    const char *reason = forbidden(served, request, exchange);
    if (reason) {
        request_fail(request, STATUS_DENIED, reason);
        return;
    }
    bool worker = where == SLUICE_RUN_WORKER || (where == SLUICE_RUN_AUTO && served->placement.workers);
    if (worker && served->dispatch->http->settings.workers == WORKERS_ON)
        run_on_worker(served, request);
    else
        run_inline(served, request);
}

/* ---- routes ------------------------------------------------------------------------------------ */

int dispatch_add(struct dispatch *dispatch, const struct sluice_route *route, char *why, size_t why_size) {
    size_t title_size = strlen(route->title) + 1;
    struct served_route *served = calloc(1, sizeof(*served) + title_size);
    if (!served) {
        snprintf(why, why_size, "out of memory");
        return -ENOMEM;
    }
    memcpy(served->title, route->title, title_size);
    served->route = *route;
    served->dispatch = dispatch;
    served->handler.run = run;
    served->handler.context = served;
    served->handler.body_limit = route->body_limit ? route->body_limit : dispatch->http->settings.body_limit;
    int error = router_add(&dispatch->http->router, route->title, &served->handler, why, why_size);
    if (error) {
        free(served);
        return error;
    }
    served->next = dispatch->served;
    dispatch->served = served;
    return 0;
}

static int add_demo_routes(struct dispatch *dispatch) {
    char why[128];
    int error = 0;
    for (const struct sluice_route *route = builtin_demo_routes; route->title && !error; route++)
        error = dispatch_add(dispatch, route, why, sizeof(why));
    return error;
}

struct dispatch *dispatch_new(struct http *http) {
    struct dispatch *dispatch = calloc(1, sizeof(*dispatch));
    if (!dispatch)
        return NULL;
    dispatch->http = http;
    long queue = http->settings.worker_queue;
    if (queue == 0)
        queue = http->loop->settings.connections; /* a client that does not pipeline is never refused */
    dispatch->in_pool_max = offload_threads(http->loop->offload, JOB_POOL_HANDLERS) + (unsigned)queue;
    if (http->settings.demo_routes && add_demo_routes(dispatch) != 0) {
        dispatch_free(dispatch);
        return NULL;
    }
    return dispatch;
}

void dispatch_free(struct dispatch *dispatch) {
    struct served_route *served;
    if (!dispatch)
        return;
    while ((served = dispatch->served)) {
        dispatch->served = served->next;
        free(served);
    }
    router_free(&dispatch->http->router);
    free(dispatch);
}
