#include "handlers/gateway/upstream_pick.h"

#include "handlers/gateway/checkout.h"
#include "handlers/gateway/gateway.h"
#include "handlers/gateway/upstream.h"
#include "reactor/container.h"
#include "reactor/loop.h"

struct candidates {
    struct balance_node *nodes[UPSTREAM_ENDPOINTS];
    size_t count;
    bool full;                /* there are others, without room */
    bool pooled;              /* an idle connection is room */
    struct endpoint *resting; /* one of those without room, with connections at rest */
};

/* panic: all others are ejected too, so ejection does not count. */
static bool is_usable(const struct endpoint *endpoint, bool panic) {
    const struct upstream *upstream = endpoint->upstream;
    if (!panic)
        return endpoint_usable(endpoint);
    return endpoint_serves(endpoint) &&
           breaker_admits(&endpoint->breaker, &upstream->breaker, loop_now(upstream->loop));
}

/* Adds the servers, or the backups, that are usable and not in the set of those tried. */
static void add_candidates(const struct upstream *upstream, uint64_t tried, bool backup, bool panic,
                           struct candidates *out) {
    struct endpoint *endpoint;
    TAILQ_FOREACH (endpoint, &upstream->endpoints, link) {
        if (endpoint->server->backup != backup || tried >> endpoint->number & 1 ||
            !is_usable(endpoint, panic))
            continue;
        if (endpoint_has_room(endpoint, out->pooled)) {
            out->nodes[out->count++] = &endpoint->node;
            continue;
        }
        out->full = true;
        if (endpoint->idle_count > 0)
            out->resting = endpoint;
    }
}

/* Slow start scales weights down, so they are counted in thousandths. What latency needs to know is brought up to
 * date. */
static void prepare(const struct upstream *upstream, struct endpoint *endpoint, double now) {
    const struct upstream_settings *settings = upstream->settings;
    struct balance_node *node = &endpoint->node;
    node->latency = latency_now(&endpoint->latency, now);
    node->weight = endpoint->weight;
    if (settings->slow_start <= 0)
        return;
    double share =
        balance_slow_start((double)endpoint->weight * 1000, now - endpoint->since, settings->slow_start,
                           (double)settings->slow_start_aggression, (double)settings->slow_start_least);
    node->weight = share > 1 ? (long)share : 1;
}

static struct endpoint *endpoint_of_node(struct balance_node *node) {
    return CONTAINER_OF(node, struct endpoint, node);
}

/* Brings the ring up to date. Without memory the old one stays in use. */
static void fill_ring(struct upstream *upstream) {
    struct hashring_server servers[UPSTREAM_ENDPOINTS];
    const struct endpoint *endpoint;
    size_t count = 0;
    TAILQ_FOREACH (endpoint, &upstream->endpoints, link)
        if (!endpoint->gone && endpoint->weight > 0)
            servers[count++] = (struct hashring_server){endpoint->text, endpoint->weight, endpoint->number};
    upstream->ring_stale = hashring_fill(&upstream->ring, servers, count) != 0;
}

static struct endpoint *pick_by_key(struct upstream *upstream, const struct candidates *candidates,
                                    uint64_t key) {
    uint64_t usable = 0;
    if (upstream->ring_stale)
        fill_ring(upstream);
    for (size_t i = 0; i < candidates->count; i++)
        usable |= UINT64_C(1) << endpoint_of_node(candidates->nodes[i])->number;
    int number = hashring_find(&upstream->ring, key, usable);
    for (size_t i = 0; i < candidates->count; i++)
        if ((int)endpoint_of_node(candidates->nodes[i])->number == number)
            return endpoint_of_node(candidates->nodes[i]);
    return endpoint_of_node(candidates->nodes[0]);
}

static struct endpoint *pick_by_load(struct upstream *upstream, struct candidates *candidates) {
    double now = loop_now(upstream->loop);
    for (size_t i = 0; i < candidates->count; i++)
        prepare(upstream, endpoint_of_node(candidates->nodes[i]), now);
    return endpoint_of_node(balance_pick((enum balance_method)upstream->settings->balance, candidates->nodes,
                                         candidates->count, gateway_random(upstream->gateway)));
}

/* Finds the first non-empty of these sets: servers not tried yet; backups not tried yet; those that were tried; those
 * that are ejected. Full servers are waited for, unless one that was tried is no worse. */
static void find_candidates(const struct upstream *upstream, const struct checkout *checkout,
                            struct candidates *out) {
    enum { UNTRIED, ANY, PANIC, ROUNDS };
    for (int round = checkout->tried ? UNTRIED : ANY; round < ROUNDS; round++)
        for (int backup = 0; backup < 2; backup++) {
            bool untried = round == UNTRIED;
            add_candidates(upstream, untried ? checkout->tried : 0, backup, round == PANIC, out);
            if (out->count > 0 || (out->full && !(untried && checkout->stale)))
                return;
        }
}

enum upstream_answer upstream_pick(struct upstream *upstream, const struct checkout *checkout,
                                   struct endpoint **out) {
    struct candidates candidates = {.pooled = checkout->wish.pooled};
    find_candidates(upstream, checkout, &candidates);
    if (candidates.count == 0) {
        bool unknown = upstream->count == 0 && upstream->lookups > 0; /* the first look-up is under way */
        if (candidates.resting)
            endpoint_make_room(candidates.resting);
        return candidates.full || unknown ? UPSTREAM_FULL : UPSTREAM_DOWN;
    }
    *out = upstream->settings->balance == BALANCE_HASH
               ? pick_by_key(upstream, &candidates, checkout->wish.key)
               : pick_by_load(upstream, &candidates);
    return UPSTREAM_PICKED;
}
