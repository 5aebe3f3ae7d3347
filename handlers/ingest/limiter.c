#include "handlers/ingest/limiter.h"

#include <stdlib.h>
#include <string.h>

#define WHOLE (1 - 1e-9) /* a token, for sums of fractions */

void limiter_init(struct limiter *limiter, double rate, double burst, unsigned most) {
    *limiter = (struct limiter){.rate = rate, .burst = burst > 0 ? burst : rate, .most = most};
    TAILQ_INIT(&limiter->recent);
}

static void forget(struct limiter *limiter, struct limiter_client *client) {
    HASH_DEL(limiter->table, client);
    TAILQ_REMOVE(&limiter->recent, client, link);
    limiter->count--;
    free(client);
}

void limiter_free(struct limiter *limiter) {
    for (struct limiter_client *client; (client = TAILQ_FIRST(&limiter->recent));)
        forget(limiter, client);
}

static struct limiter_client *add(struct limiter *limiter, const char *key, double now) {
    struct limiter_client *client = calloc(1, sizeof(*client));
    if (!client)
        return NULL;
    if (limiter->count == limiter->most)
        forget(limiter, TAILQ_FIRST(&limiter->recent));
    memcpy(client->key, key, LIMITER_KEY);
    client->tokens = limiter->burst;
    client->at = now;
    HASH_ADD(hh, limiter->table, key, LIMITER_KEY, client);
    if (!TABLE_HAS(client)) {
        free(client);
        return NULL;
    }
    limiter->count++;
    return client;
}

static void refill(const struct limiter *limiter, struct limiter_client *client, double now) {
    if (now > client->at)
        client->tokens += (now - client->at) * limiter->rate;
    if (client->tokens > limiter->burst)
        client->tokens = limiter->burst;
    client->at = now;
}

struct limiter_client *limiter_find(struct limiter *limiter, const char *key, size_t n, double now) {
    char name[LIMITER_KEY] = {0};
    struct limiter_client *client;
    memcpy(name, key, n < sizeof(name) ? n : sizeof(name));
    HASH_FIND(hh, limiter->table, name, LIMITER_KEY, client);
    if (client)
        TAILQ_REMOVE(&limiter->recent, client, link);
    else if (!(client = add(limiter, name, now)))
        return NULL;
    TAILQ_INSERT_TAIL(&limiter->recent, client, link);
    refill(limiter, client, now);
    return client;
}

bool limiter_allows(const struct limiter *limiter, const struct limiter_client *client) {
    return limiter->rate <= 0 || client->tokens >= WHOLE;
}

void limiter_charge(struct limiter *limiter, struct limiter_client *client, uint64_t samples) {
    if (limiter->rate > 0)
        client->tokens -= (double)samples;
}

double limiter_wait(const struct limiter *limiter, const struct limiter_client *client) {
    return client->tokens >= WHOLE || limiter->rate <= 0 ? 0 : (1 - client->tokens) / limiter->rate;
}
