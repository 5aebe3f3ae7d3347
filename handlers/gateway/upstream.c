#include "handlers/gateway/upstream.h"

#include "handlers/gateway/checkout.h"
#include "handlers/gateway/gateway.h"
#include "handlers/gateway/health.h"
#include "handlers/gateway/names.h"
#include "reactor/loop.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- names ------------------------------------------------------------------------------------- */

static bool same_name(const struct dial_name *a, const struct dial_name *b) {
    return a->length == b->length && memcmp(&a->address, &b->address, a->length) == 0;
}

static struct endpoint *endpoint_at(struct upstream *upstream, const struct server *server,
                                    const struct dial_name *name) {
    struct endpoint *endpoint;
    TAILQ_FOREACH (endpoint, &upstream->endpoints, link)
        if (endpoint->server == server && same_name(&endpoint->name, name))
            return endpoint;
    return NULL;
}

static bool is_found(const struct names_found *found, const struct dial_name *name) {
    for (size_t i = 0; i < found->count; i++)
        if (same_name(&found->list[i], name))
            return true;
    return false;
}

/* Does another entry of `servers` lead to this address? Then it is one server, and counted once. */
static bool is_taken(const struct upstream *upstream, const struct server *server,
                     const struct dial_name *name) {
    const struct endpoint *endpoint;
    TAILQ_FOREACH (endpoint, &upstream->endpoints, link)
        if (endpoint->server != server && !endpoint->gone && same_name(&endpoint->name, name))
            return true;
    return false;
}

/* False: there is no room for it, or no memory. */
static bool join(struct upstream *upstream, const struct server *server, const struct dial_name *name) {
    struct endpoint *endpoint = endpoint_at(upstream, server, name);
    if (is_taken(upstream, server, name))
        return true;
    if (!endpoint)
        return endpoint_new(upstream, server, name) != NULL;
    if (endpoint->gone)
        endpoint_revive(endpoint);
    return true;
}

/* New addresses join, old ones retire, the others keep their connections and what is known about them. */
static void looked_up(struct upstream *upstream, const struct server *server,
                      const struct names_found *found) {
    struct gateway *gateway = upstream->gateway;
    struct endpoint *endpoint;
    size_t left_out = found->left_out;
    gateway->stats.resolved++;
    if (found->error || upstream->loop->state == LOOP_STOPPED) {
        gateway->stats.resolve_failures++;
        log_warn(upstream->loop->log, "name not found", log_text("upstream", upstream->settings->name),
                 log_text("name", server->address.host), log_text("error", gai_strerror(found->error)));
        upstream_serve(upstream); /* those who waited for it */
        return;
    }
    TAILQ_FOREACH (endpoint, &upstream->endpoints, link)
        if (endpoint->server == server && !endpoint->gone && !is_found(found, &endpoint->name))
            endpoint_retire(endpoint);
    for (size_t i = 0; i < found->count; i++)
        left_out += !join(upstream, server, &found->list[i]);
    if (left_out > 0)
        log_warn(upstream->loop->log, "addresses left out", log_text("upstream", upstream->settings->name),
                 log_text("name", server->address.host), log_number("addresses", (int64_t)left_out));
    upstream_serve(upstream);
}

static void look_up(struct upstream *upstream, double now) {
    upstream->looked = now;
    for (size_t i = 0; i < upstream->servers_count; i++)
        if (upstream->servers[i].named)
            names_look_up(upstream, &upstream->servers[i], looked_up);
}

/* ---- life -------------------------------------------------------------------------------------- */

static void start_deadlines(struct upstream *upstream) {
    const struct upstream_settings *settings = upstream->settings;
    struct loop *loop = upstream->loop;
    dial_deadline_init(loop, &upstream->connect, settings->timeout_connect);
    deadlines_add(&loop->deadlines, &upstream->pending, settings->timeout_pending, checkout_late);
    gateway_deadlines(upstream);
}

int upstream_new(struct gateway *gateway, const struct upstream_settings *settings, char *why,
                 size_t why_size) {
    struct upstream *upstream = calloc(1, sizeof(*upstream));
    if (!upstream)
        return -ENOMEM;
    upstream->gateway = gateway;
    upstream->loop = gateway->loop;
    upstream->settings = settings;
    TAILQ_INIT(&upstream->endpoints);
    TAILQ_INIT(&upstream->waiting);
    TAILQ_INIT(&upstream->again);
    LIST_INSERT_HEAD(&gateway->upstreams, upstream, link);
    size_t step = 0;
    int error = upstream_parse(upstream, &step, why, why_size);
    if (error)
        return error;
    upstream->breaker = (struct breaker_rule){settings->breaker_ratio, settings->breaker_least,
                                              settings->breaker_window, settings->breaker_open};
    start_deadlines(upstream);
    for (size_t i = 0; i < upstream->servers_count; i++)
        if (!upstream->servers[i].named &&
            !endpoint_new(upstream, &upstream->servers[i], &upstream->servers[i].name))
            return -ENOMEM;
    double now = loop_now(upstream->loop);
    upstream->judged = upstream->logged = now;
    look_up(upstream, now);
    return 0;
}

void upstream_close(struct upstream *upstream) {
    struct endpoint *endpoint;
    TAILQ_FOREACH (endpoint, &upstream->endpoints, link) {
        endpoint_empty(endpoint);
        health_free(endpoint->health);
        endpoint->health = NULL;
    }
}

void upstream_free(struct upstream *upstream) {
    struct endpoint *endpoint;
    while ((endpoint = TAILQ_FIRST(&upstream->endpoints)))
        endpoint_free(endpoint);
    free(upstream->servers);
    free(upstream->sources);
    hashring_free(&upstream->ring);
    LIST_REMOVE(upstream, link);
    free(upstream);
}

/* ---- each quarter of a second ------------------------------------------------------------------ */

static void judge(struct upstream *upstream) {
    struct outlier *all[UPSTREAM_ENDPOINTS];
    struct endpoint *endpoint;
    size_t count = 0;
    TAILQ_FOREACH (endpoint, &upstream->endpoints, link)
        all[count++] = &endpoint->outlier;
    double threshold = outlier_threshold(all, count);
    TAILQ_FOREACH (endpoint, &upstream->endpoints, link)
        endpoint_judge(endpoint, threshold);
}

/* Logs what the pool has done since the last line. */
static void log_pool(struct upstream *upstream, struct endpoint *endpoint) {
    const struct endpoint_stats *now = &endpoint->stats, *before = &endpoint->logged;
    uint64_t hits = now->hits - before->hits, misses = now->misses - before->misses;
    char rate[16];
    if (hits + misses > 0) {
        snprintf(rate, sizeof(rate), "%.4f", (double)hits / (double)(hits + misses));
        log_info(upstream->loop->log, "pool", log_text("upstream", upstream->settings->name),
                 log_text("server", endpoint->text), log_number("hits", (int64_t)hits),
                 log_number("misses", (int64_t)misses), log_text("hit_rate", rate),
                 log_number("health_fails", (int64_t)(now->health_fails - before->health_fails)),
                 log_number("pool_full_closes", (int64_t)(now->pool_full_closes - before->pool_full_closes)),
                 log_number("active", endpoint->node.active), log_number("idle", endpoint->idle_count),
                 log_number("limit", upstream->settings->max_connections));
    }
    endpoint->logged = *now;
}

static void free_retired(struct upstream *upstream) {
    struct endpoint *endpoint, *following;
    for (endpoint = TAILQ_FIRST(&upstream->endpoints); endpoint; endpoint = following) {
        following = TAILQ_NEXT(endpoint, link);
        if (endpoint_is_over(endpoint))
            endpoint_free(endpoint);
    }
}

void upstream_tick(struct upstream *upstream, double now) {
    const struct upstream_settings *settings = upstream->settings;
    struct endpoint *endpoint;
    free_retired(upstream);
    bool log = settings->log_interval > 0 && now - upstream->logged >= settings->log_interval;
    if (now - upstream->judged >= settings->outlier_interval) {
        upstream->judged = now;
        judge(upstream);
    }
    if (settings->resolve > 0 && now - upstream->looked >= settings->resolve && upstream->lookups == 0)
        look_up(upstream, now);
    TAILQ_FOREACH (endpoint, &upstream->endpoints, link) {
        endpoint_sweep(endpoint, now);
        if (endpoint->health)
            health_tick(endpoint->health, now);
        if (log)
            log_pool(upstream, endpoint);
    }
    if (log)
        upstream->logged = now;
    upstream_serve(upstream); /* an open breaker may let somebody through again */
}

/* ---- for checkouts ------------------------------------------------------------------------------- */

/* Each for himself: he may want another server than the one that has room. True: one has gone on. */
static bool serve_again(struct upstream *upstream) {
    struct checkout *checkout;
    TAILQ_FOREACH (checkout, &upstream->again, link)
        if (checkout_advance(checkout))
            return true;
    return false;
}

void upstream_serve(struct upstream *upstream) {
    struct checkout *checkout;
    if (upstream->serving)
        return;
    upstream->serving = true;
    while (serve_again(upstream))
        continue;
    while ((checkout = TAILQ_FIRST(&upstream->waiting)) && checkout_advance(checkout))
        continue;
    upstream->serving = false;
}

const struct dial_name *upstream_source(struct upstream *upstream, int family) {
    for (size_t i = 0; i < upstream->sources_count; i++) {
        const struct dial_name *source =
            &upstream->sources[upstream->next_source++ % upstream->sources_count];
        if (source->address.ss_family == family)
            return source;
    }
    return NULL;
}

struct endpoint *upstream_find(struct upstream *upstream, struct span text) {
    struct endpoint *endpoint;
    TAILQ_FOREACH (endpoint, &upstream->endpoints, link)
        if (span_equal(span_text(endpoint->text), text))
            return endpoint;
    return NULL;
}
