#include "handlers/gateway/errand.h"

#include "handlers/gateway/gateway.h"
#include "handlers/gateway/upconn.h"
#include "handlers/gateway/upstream.h"
#include "handlers/gateway/upstream_pick.h"
#include "reactor/container.h"
#include "reactor/loop.h"

#include <errno.h>

static struct errand *errand_of(struct dial *dial) {
    return (struct errand *)(void *)dial;
}

/* Its time to wait goes on, as it may have to in another line. */
static void leave_line(struct errand *errand) {
    if (!errand->line)
        return;
    TAILQ_REMOVE(errand->line, errand, link);
    errand->line = NULL;
    errand->upstream->waiting_count--;
    errand->upstream->gateway->stats.pending--;
    if (errand->wish.quota)
        errand->wish.quota->pending--;
}

/* Lets go of the server. */
static void leave(struct errand *errand) {
    struct endpoint *endpoint = errand->endpoint;
    errand->endpoint = NULL;
    if (endpoint)
        endpoint_left(endpoint);
}

static bool is_spent(unsigned used, long most) {
    return most > 0 && (long)used >= most;
}

bool errand_may_retry(struct errand *errand, bool sent) {
    struct upstream *upstream = errand->upstream;
    const struct upstream_settings *settings = upstream->settings;
    if ((long)errand->tries > settings->retries || upstream->loop->state == LOOP_STOPPED)
        return false;
    const struct errand_quota *quota = errand->wish.quota;
    if (!errand->retrying && quota && is_spent(quota->retries, quota->retries_most)) {
        upstream->gateway->stats.retry_refused++;
        return false;
    }
    if (!sent || errand->budgeted ||
        budget_allows(&upstream->budget, settings->retry_budget, settings->retry_floor))
        return true;
    upstream->gateway->stats.retry_refused++;
    return false;
}

static void count_retry(struct errand *errand, bool sent) {
    struct upstream *upstream = errand->upstream;
    if (!errand->retrying && errand->wish.quota)
        errand->wish.quota->retries++;
    errand->retrying = true;
    if (sent && !errand->budgeted) {
        upstream->budget.retries++;
        errand->budgeted = true;
    }
    upstream->gateway->stats.retried++;
}

static void pick(struct errand *errand);

static void connected(struct dial *dial, int result) {
    struct errand *errand = errand_of(dial);
    struct endpoint *endpoint = errand->endpoint;
    endpoint->dials--;
    if (result >= 0) {
        endpoint->stats.connects++;
        errand->got(errand, NULL, result);
        return;
    }
    bool ours = dial_is_shortage(result);
    endpoint->stats.connect_failures++;
    endpoint_book(endpoint, errand->era, ours ? ENDPOINT_UNKNOWN : ENDPOINT_BAD, 0);
    log_warn(errand->upstream->loop->log, "not connected",
             log_text("upstream", errand->upstream->settings->name), log_text("server", endpoint->text),
             log_text("error", strerrordesc_np(-result)));
    leave(errand);
    if (errand_may_retry(errand, false)) {
        count_retry(errand, false);
        pick(errand);
    } else {
        errand->failed(errand, ours ? ERRAND_SHORT : result == -ETIMEDOUT ? ERRAND_SLOW : ERRAND_REFUSED);
    }
}

/* At the server that was picked: a pooled connection, or a new one. */
static void go(struct errand *errand, struct endpoint *endpoint) {
    struct upstream *upstream = errand->upstream;
    deadline_clear(&errand->wait_by);
    errand->endpoint = endpoint;
    errand->tries++;
    errand->tried |= UINT64_C(1) << endpoint->number;
    endpoint->node.active++;
    endpoint->stats.retries += errand->tries > 1;
    errand->era = endpoint_enter(endpoint);
    struct upconn *idle = errand->wish.pooled ? endpoint_take(endpoint) : NULL;
    if (idle) {
        endpoint->stats.hits++;
        errand->got(errand, idle, -1);
        return;
    }
    endpoint->stats.misses += errand->wish.pooled;
    endpoint->dials++;
    dial_begin(&errand->dial, upstream->loop, &endpoint->name,
               upstream_source(upstream, endpoint->name.address.ss_family), &upstream->connect, connected);
}

static void wait_in(struct errand *errand, struct errand_line *line) {
    struct upstream *upstream = errand->upstream;
    struct errand_quota *quota = errand->wish.quota;
    if ((long)upstream->waiting_count >= upstream->settings->max_pending ||
        (quota && is_spent(quota->pending, quota->pending_most))) {
        upstream->gateway->stats.pending_refused++;
        errand->failed(errand, ERRAND_CROWDED);
        return;
    }
    errand->line = line;
    TAILQ_INSERT_TAIL(line, errand, link);
    upstream->waiting_count++;
    upstream->gateway->stats.pending++;
    if (quota)
        quota->pending++;
    if (!errand->wait_by.class)
        deadline_set(&errand->wait_by, &upstream->pending);
}

static void pick(struct errand *errand) {
    struct endpoint *endpoint;
    switch (upstream_pick(errand->upstream, errand, &endpoint)) {
    case UPSTREAM_PICKED:
        go(errand, endpoint);
        break;
    case UPSTREAM_FULL:
        wait_in(errand, &errand->upstream->waiting);
        break;
    case UPSTREAM_DOWN:
        errand->upstream->gateway->stats.unavailable++;
        errand->failed(errand, ERRAND_DOWN);
        break;
    }
}

/* It has a connection of its quota, if not yet of a server. */
static void admit(struct errand *errand) {
    struct upstream *upstream = errand->upstream;
    if (errand->wish.quota)
        errand->wish.quota->connections++;
    errand->admitted = true;
    if (!TAILQ_EMPTY(&upstream->waiting))
        wait_in(errand, &upstream->waiting); /* nobody jumps the queue */
    else
        pick(errand);
}

/* A connection of the quota is free again. */
static void serve(struct errand_quota *quota) {
    struct errand *errand;
    if (quota->serving)
        return;
    quota->serving = true;
    while ((errand = TAILQ_FIRST(&quota->waiting)) &&
           !is_spent(quota->connections, quota->connections_most)) {
        leave_line(errand);
        admit(errand);
    }
    quota->serving = false;
}

void errand_begin(struct errand *errand, struct upstream *upstream, const struct errand_wish *wish,
                  void (*got)(struct errand *errand, struct upconn *idle, int fd),
                  void (*failed)(struct errand *errand, enum errand_failure failure)) {
    *errand = (struct errand){.upstream = upstream, .wish = *wish, .got = got, .failed = failed};
    upstream->budget.requests++;
    if (wish->quota && is_spent(wish->quota->connections, wish->quota->connections_most))
        wait_in(errand, &errand->wish.quota->waiting);
    else
        admit(errand);
}

bool errand_retry(struct errand *errand, bool sent) {
    leave(errand);
    if (!errand_may_retry(errand, sent))
        return false;
    count_retry(errand, sent);
    pick(errand);
    return true;
}

bool errand_advance(struct errand *errand) {
    struct endpoint *endpoint;
    switch (upstream_pick(errand->upstream, errand, &endpoint)) {
    case UPSTREAM_FULL:
        return false;
    case UPSTREAM_PICKED:
        leave_line(errand);
        go(errand, endpoint);
        return true;
    default:
        leave_line(errand);
        errand->upstream->gateway->stats.unavailable++;
        errand->failed(errand, ERRAND_DOWN);
        return true;
    }
}

void errand_end(struct errand *errand) {
    struct upstream *upstream = errand->upstream;
    struct errand_quota *quota = errand->wish.quota;
    if (!upstream)
        return;
    leave_line(errand);
    deadline_clear(&errand->wait_by);
    if (dial_active(&errand->dial)) {
        dial_cancel(&errand->dial);
        errand->endpoint->dials--;
        breaker_abandon(&errand->endpoint->breaker, errand->era);
    }
    upstream->budget.requests--;
    upstream->budget.retries -= errand->budgeted;
    if (errand->retrying && quota)
        quota->retries--;
    errand->upstream = NULL;
    leave(errand);
    if (quota && errand->admitted) {
        quota->connections--;
        serve(quota);
    }
}

struct endpoint *errand_hand_over(struct errand *errand) {
    struct endpoint *endpoint = errand->endpoint;
    errand->endpoint = NULL;
    errand_end(errand);
    return endpoint;
}

void errand_late(struct deadline *deadline) {
    struct errand *errand = CONTAINER_OF(deadline, struct errand, wait_by);
    leave_line(errand);
    errand->upstream->gateway->stats.pending_late++;
    errand->failed(errand, ERRAND_LATE);
}
