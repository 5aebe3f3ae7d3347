#include "handlers/gateway/hashring.h"

#include <errno.h>
#include <stdlib.h>

#define POINTS      160u /* of a server, if all have the same weight */
#define NUMBER_BITS 6
#define NUMBER_MASK ((UINT64_C(1) << NUMBER_BITS) - 1)
#define FNV_OFFSET  UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME   UINT64_C(0x100000001b3)

/* FNV-1a, with a finish that spreads it over the circle (splitmix64). */
uint64_t hashring_hash(uint64_t hash, struct span bytes) {
    uint64_t z = hash ^ FNV_OFFSET;
    for (size_t i = 0; i < bytes.n; i++)
        z = (z ^ (uint8_t)bytes.p[i]) * FNV_PRIME;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static int by_value(const void *left, const void *right) {
    const uint64_t *a = left, *b = right;
    return *a < *b ? -1 : *a > *b;
}

static size_t points_of(const struct hashring_server *server, size_t count, long total) {
    size_t points = (size_t)server->weight * POINTS * count / (size_t)total;
    return server->weight > 0 && points == 0 ? 1 : points;
}

int hashring_fill(struct hashring *ring, const struct hashring_server *servers, size_t count) {
    long total = 0;
    size_t most = 0, n = 0;
    for (size_t i = 0; i < count; i++)
        total += servers[i].weight;
    for (size_t i = 0; total > 0 && i < count; i++)
        most += points_of(&servers[i], count, total);
    uint64_t *points = malloc((most + 1) * sizeof(*points));
    if (!points)
        return -ENOMEM;
    for (size_t i = 0; total > 0 && i < count; i++) {
        uint64_t hash = hashring_hash(0, span_text(servers[i].name));
        for (size_t left = points_of(&servers[i], count, total); left > 0; left--) {
            hash = hashring_hash(hash, span_of("-", 1));
            points[n++] = (hash & ~NUMBER_MASK) | servers[i].number;
        }
    }
    qsort(points, n, sizeof(*points), by_value);
    hashring_free(ring);
    *ring = (struct hashring){points, n};
    return 0;
}

int hashring_find(const struct hashring *ring, uint64_t key, uint64_t usable) {
    size_t low = 0, high = ring->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ring->points[middle] < key)
            low = middle + 1;
        else
            high = middle;
    }
    for (size_t i = 0; i < ring->count; i++) {
        size_t at = low + i < ring->count ? low + i : low + i - ring->count;
        uint64_t number = ring->points[at] & NUMBER_MASK;
        if (usable >> number & 1)
            return (int)number;
    }
    return -1;
}

void hashring_free(struct hashring *ring) {
    free(ring->points);
    *ring = (struct hashring){0};
}
