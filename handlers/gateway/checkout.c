#include "handlers/gateway/checkout.h"

#include "handlers/gateway/gateway.h"
#include "handlers/gateway/upconn.h"
#include "handlers/gateway/upstream.h"
#include "handlers/gateway/upstream_pick.h"
#include "reactor/container.h"
#include "reactor/loop.h"

#include <errno.h>

static struct checkout *checkout_of(struct dial *dial) {
    return (struct checkout *)(void *)dial;
}

/* Its time to wait continues, as it may have to wait in another queue. */
static void leave_queue(struct checkout *checkout) {
    if (!checkout->queue)
        return;
    TAILQ_REMOVE(checkout->queue, checkout, link);
    checkout->queue = NULL;
    checkout->upstream->waiting_count--;
    checkout->upstream->gateway->stats.pending--;
    if (checkout->wish.quota)
        checkout->wish.quota->pending--;
}

/* Stops using the server. The caller serves those that wait. */
static void leave(struct checkout *checkout) {
    if (checkout->endpoint)
        checkout->endpoint->node.active--;
    checkout->endpoint = NULL;
}

static bool is_spent(unsigned used, long most) {
    return most > 0 && (long)used >= most;
}

bool checkout_may_retry(struct checkout *checkout, bool sent) {
    struct upstream *upstream = checkout->upstream;
    const struct upstream_settings *settings = upstream->settings;
    if ((long)checkout->tries > settings->retries || upstream->loop->state == LOOP_STOPPED)
        return false;
    const struct checkout_quota *quota = checkout->wish.quota;
    if (!checkout->retrying && quota && is_spent(quota->retries, quota->retries_most)) {
        upstream->gateway->stats.retry_refused++;
        return false;
    }
    if (!sent || checkout->budgeted ||
        budget_allows(&upstream->budget, settings->retry_budget, settings->retry_floor))
        return true;
    upstream->gateway->stats.retry_refused++;
    return false;
}

static void count_retry(struct checkout *checkout, bool sent) {
    struct upstream *upstream = checkout->upstream;
    if (!checkout->retrying && checkout->wish.quota)
        checkout->wish.quota->retries++;
    checkout->retrying = true;
    if (sent && !checkout->budgeted) {
        upstream->budget.retries++;
        checkout->budgeted = true;
    }
    upstream->gateway->stats.retried++;
}

static void pick(struct checkout *checkout);

static void connected(struct dial *dial, int result) {
    struct checkout *checkout = checkout_of(dial);
    struct endpoint *endpoint = checkout->endpoint;
    struct upstream *upstream = checkout->upstream;
    endpoint->dials--;
    if (result >= 0) {
        endpoint->stats.connects++;
        checkout->got(checkout, NULL, result);
        return;
    }
    bool ours = dial_is_shortage(result);
    endpoint->stats.connect_failures++;
    endpoint_book(endpoint, checkout->epoch, ours ? ENDPOINT_UNKNOWN : ENDPOINT_BAD, 0);
    log_warn(upstream->loop->log, "not connected", log_text("upstream", upstream->settings->name),
             log_text("server", endpoint->text), log_text("error", strerrordesc_np(-result)));
    if (checkout_may_retry(checkout, false)) {
        checkout_retry(checkout, false);
        return;
    }
    leave(checkout);
    checkout->failed(checkout, ours                   ? CHECKOUT_SHORT
                               : result == -ETIMEDOUT ? CHECKOUT_SLOW
                                                      : CHECKOUT_REFUSED);
    upstream_serve(upstream);
}

/* Takes a pooled connection to the server that was picked, or makes a new one. */
static void go(struct checkout *checkout, struct endpoint *endpoint) {
    struct upstream *upstream = checkout->upstream;
    deadline_clear(&checkout->wait_by);
    checkout->endpoint = endpoint;
    checkout->stale = false;
    checkout->tries++;
    checkout->tried |= UINT64_C(1) << endpoint->number;
    endpoint->node.active++;
    endpoint->stats.retries += checkout->tries > 1;
    checkout->epoch = endpoint_enter(endpoint);
    struct upconn *idle = checkout->wish.pooled ? endpoint_take(endpoint) : NULL;
    if (idle) {
        endpoint->stats.hits++;
        checkout->got(checkout, idle, -1);
        return;
    }
    endpoint->stats.misses += checkout->wish.pooled;
    endpoint->dials++;
    dial_begin(&checkout->dial, upstream->loop, &endpoint->name,
               upstream_source(upstream, endpoint->name.address.ss_family), &upstream->connect, connected);
}

/* Do as many wait as may? */
static bool is_crowded(const struct checkout *checkout) {
    const struct upstream *upstream = checkout->upstream;
    const struct checkout_quota *quota = checkout->wish.quota;
    return (long)upstream->waiting_count >= upstream->settings->max_pending ||
           (quota && is_spent(quota->pending, quota->pending_most));
}

static void wait_in(struct checkout *checkout, struct checkout_queue *queue) {
    struct upstream *upstream = checkout->upstream;
    struct checkout_quota *quota = checkout->wish.quota;
    if (!checkout->retrying && is_crowded(checkout)) {
        upstream->gateway->stats.pending_refused++;
        checkout->failed(checkout, CHECKOUT_CROWDED);
        return;
    }
    checkout->queue = queue;
    TAILQ_INSERT_TAIL(queue, checkout, link);
    upstream->waiting_count++;
    upstream->gateway->stats.pending++;
    if (quota)
        quota->pending++;
    if (!checkout->wait_by.class)
        deadline_set(&checkout->wait_by, &upstream->pending);
}

static void pick(struct checkout *checkout) {
    struct endpoint *endpoint;
    switch (upstream_pick(checkout->upstream, checkout, &endpoint)) {
    case UPSTREAM_PICKED:
        go(checkout, endpoint);
        break;
    case UPSTREAM_FULL:
        wait_in(checkout, checkout->retrying ? &checkout->upstream->again : &checkout->upstream->waiting);
        break;
    case UPSTREAM_DOWN:
        checkout->upstream->gateway->stats.unavailable++;
        checkout->failed(checkout, CHECKOUT_DOWN);
        break;
    }
}

/* It may have a connection under its quota: gets one from a server, or waits for that. */
static void admit(struct checkout *checkout) {
    struct upstream *upstream = checkout->upstream;
    if (checkout->wish.quota)
        checkout->wish.quota->connections++;
    checkout->admitted = true;
    if (!TAILQ_EMPTY(&upstream->waiting))
        wait_in(checkout, &upstream->waiting); /* nobody jumps the queue */
    else
        pick(checkout);
}

/* A connection of the quota is free again. */
static void serve(struct checkout_quota *quota) {
    struct checkout *checkout;
    if (quota->serving)
        return;
    quota->serving = true;
    while ((checkout = TAILQ_FIRST(&quota->waiting)) &&
           !is_spent(quota->connections, quota->connections_most)) {
        leave_queue(checkout);
        admit(checkout);
    }
    quota->serving = false;
}

void checkout_begin(struct checkout *checkout, struct upstream *upstream, const struct checkout_wish *wish,
                    void (*got)(struct checkout *checkout, struct upconn *idle, int fd),
                    void (*failed)(struct checkout *checkout, enum checkout_failure failure)) {
    *checkout = (struct checkout){.upstream = upstream, .wish = *wish, .got = got, .failed = failed};
    upstream->budget.requests++;
    if (wish->quota && is_spent(wish->quota->connections, wish->quota->connections_most))
        wait_in(checkout, &checkout->wish.quota->waiting);
    else
        admit(checkout);
}

void checkout_retry(struct checkout *checkout, bool sent) {
    struct upstream *upstream = checkout->upstream;
    leave(checkout);
    count_retry(checkout, sent);
    pick(checkout);
    upstream_serve(upstream);
}

bool checkout_advance(struct checkout *checkout) {
    struct endpoint *endpoint;
    switch (upstream_pick(checkout->upstream, checkout, &endpoint)) {
    case UPSTREAM_FULL:
        return false;
    case UPSTREAM_PICKED:
        leave_queue(checkout);
        go(checkout, endpoint);
        return true;
    default:
        leave_queue(checkout);
        checkout->upstream->gateway->stats.unavailable++;
        checkout->failed(checkout, CHECKOUT_DOWN);
        return true;
    }
}

void checkout_end(struct checkout *checkout) {
    struct upstream *upstream = checkout->upstream;
    struct endpoint *endpoint = checkout->endpoint;
    struct checkout_quota *quota = checkout->wish.quota;
    if (!upstream)
        return;
    leave_queue(checkout);
    deadline_clear(&checkout->wait_by);
    if (dial_active(&checkout->dial)) {
        dial_cancel(&checkout->dial);
        endpoint->dials--;
        breaker_abandon(&endpoint->breaker, checkout->epoch);
    }
    upstream->budget.requests--;
    upstream->budget.retries -= checkout->budgeted;
    if (checkout->retrying && quota)
        quota->retries--;
    checkout->upstream = NULL;
    checkout->endpoint = NULL;
    if (endpoint)
        endpoint_left(endpoint);
    if (quota && checkout->admitted) {
        quota->connections--;
        serve(quota);
    }
}

struct endpoint *checkout_hand_over(struct checkout *checkout) {
    struct endpoint *endpoint = checkout->endpoint;
    checkout->endpoint = NULL;
    checkout_end(checkout);
    return endpoint;
}

void checkout_late(struct deadline *deadline) {
    struct checkout *checkout = CONTAINER_OF(deadline, struct checkout, wait_by);
    leave_queue(checkout);
    checkout->upstream->gateway->stats.pending_late++;
    checkout->failed(checkout, CHECKOUT_LATE);
}
