#include "handlers/gateway/balance.h"

#include <math.h>
#include <stdbool.h>

/* Chooses the node with the highest current value; all grow by their weight, and the chosen one gives back the sum. */
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

/* Negative if a is less busy for its weight than b: a.active / a.weight < b.active / b.weight. */
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

/* How long one more request would wait there. */
static double cost(const struct balance_node *node) {
    return node->latency * (node->active + 1) / (double)node->weight;
}

static bool better(enum balance_method method, const struct balance_node *a, const struct balance_node *b) {
    if (method != BALANCE_LATENCY || cost(a) == cost(b))
        return compare(a, b) <= 0;
    return cost(a) < cost(b);
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
    return better(method, nodes[first], nodes[second]) ? nodes[first] : nodes[second];
}

double balance_slow_start(double weight, double age, double window, double aggression, double least) {
    if (window <= 0 || age >= window)
        return weight;
    double share = age > 0 ? pow(age / window, 100 / aggression) : 0;
    return weight * (share > least / 100 ? share : least / 100);
}
