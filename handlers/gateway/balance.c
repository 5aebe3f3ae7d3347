#include "handlers/gateway/balance.h"

/* The one with the highest current value; everybody's grows by the weight, the chosen one pays for all. */
static struct balance_node *next_round(struct balance_node **nodes, size_t count) {
    struct balance_node *best = NULL;
    long total = 0;
    for (size_t i = 0; i < count; i++) {
        nodes[i]->current += nodes[i]->weight;
        total += nodes[i]->weight;
        if (!best || nodes[i]->current > best->current)
            best = nodes[i];
    }
    best->current -= total;
    return best;
}

/* a has less to do for its weight than b: a.active / a.weight < b.active / b.weight. */
static int compare(const struct balance_node *a, const struct balance_node *b) {
    uint64_t left = (uint64_t)(a->active + 1) * (uint64_t)b->weight;
    uint64_t right = (uint64_t)(b->active + 1) * (uint64_t)a->weight;
    return left < right ? -1 : left > right;
}

/* Moves the nodes with the least load to the front; returns their number. */
static size_t least_loaded(struct balance_node **nodes, size_t count) {
    size_t equal = 1;
    for (size_t i = 1; i < count; i++) {
        int order = compare(nodes[i], nodes[0]);
        struct balance_node *node = nodes[i];
        if (order > 0)
            continue;
        if (order < 0)
            equal = 0;
        nodes[i] = nodes[equal];
        nodes[equal++] = node;
    }
    return equal;
}

struct balance_node *balance_pick(enum balance_method method, struct balance_node **nodes, size_t count,
                                  uint64_t random) {
    if (count == 1)
        return nodes[0];
    if (method == BALANCE_LEAST)
        return next_round(nodes, least_loaded(nodes, count));
    if (method == BALANCE_ROUNDROBIN)
        return next_round(nodes, count);
    size_t first = (size_t)((uint32_t)random % count);
    size_t second = (size_t)((uint32_t)(random >> 32) % (count - 1));
    if (second >= first)
        second++;
    return compare(nodes[first], nodes[second]) <= 0 ? nodes[first] : nodes[second];
}
