#include "reactor/peers.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IDLE_MAX 4096 /* clients without connections that are remembered */

void peers_init(struct peers *peers, bool keep) {
    *peers = (struct peers){.keep = keep};
    TAILQ_INIT(&peers->idle);
}

static void forget(struct peers *peers, struct peer *peer) {
    HASH_DEL(peers->table, peer);
    free(peer);
}

void peers_free(struct peers *peers) {
    struct peer *peer, *next;
    HASH_ITER(hh, peers->table, peer, next) forget(peers, peer);
}

static void key_of_ipv6(const struct in6_addr *address, struct peer_key *key) {
    if (IN6_IS_ADDR_V4MAPPED(address)) {
        key->family = AF_INET;
        memcpy(key->address, address->s6_addr + 12, 4);
        return;
    }
    key->family = AF_INET6;
    /* Whoever has an IPv6 address usually has its whole /64. */
    memcpy(key->address, address->s6_addr, IN6_IS_ADDR_LOOPBACK(address) ? 16 : 8);
}

int peer_key_of(int fd, const struct sockaddr *address, struct peer_key *key) {
    memset(key, 0, sizeof(*key)); /* hashed as bytes */
    key->family = address->sa_family;
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)address;
        memcpy(key->address, &in->sin_addr, 4);
    } else if (address->sa_family == AF_INET6) {
        key_of_ipv6(&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, key);
    } else {
        struct ucred credentials;
        socklen_t size = sizeof(credentials);
        key->family = AF_UNIX;
        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0)
            return -errno;
        key->uid = credentials.uid;
    }
    return 0;
}

void peer_host(const struct sockaddr *address, uint8_t host[PEER_HOST]) {
    memset(host, 0, PEER_HOST);
    if (address->sa_family == AF_INET6)
        memcpy(host, ((const struct sockaddr_in6 *)(const void *)address)->sin6_addr.s6_addr + 8, PEER_HOST);
}

void peer_address(const struct peer_key *key, const uint8_t host[PEER_HOST], char text[PEER_TEXT]) {
    uint8_t address[sizeof(key->address)];
    text[0] = '\0';
    memcpy(address, key->address, sizeof(address));
    if (key->family == AF_INET6)
        memcpy(address + 8, host, PEER_HOST);
    if (key->family != AF_UNIX)
        inet_ntop((int)key->family, address, text, PEER_TEXT);
}

void peer_text(const struct peer_key *key, const uint8_t host[PEER_HOST], uint16_t port, char *text,
               size_t size) {
    char address[PEER_TEXT];
    peer_address(key, host, address);
    if (key->family == AF_UNIX)
        snprintf(text, size, "uid:%u", key->uid);
    else
        snprintf(text, size, key->family == AF_INET ? "%s:%u" : "[%s]:%u", address, port);
}

struct peer *peers_find(struct peers *peers, const struct peer_key *key) {
    struct peer *peer;
    HASH_FIND(hh, peers->table, key, sizeof(*key), peer);
    return peer;
}

struct peer *peers_join(struct peers *peers, const struct peer_key *key) {
    struct peer *peer = peers_find(peers, key);
    if (!peer) {
        peer = calloc(1, sizeof(*peer));
        if (!peer)
            return NULL;
        peer->key = *key;
        HASH_ADD(hh, peers->table, key, sizeof(peer->key), peer);
        if (!TABLE_HAS(peer)) {
            free(peer);
            return NULL;
        }
    } else if (peer->connections == 0) {
        TAILQ_REMOVE(&peers->idle, peer, idle);
        peers->idle_count--;
    }
    peer->connections++;
    return peer;
}

void peers_leave(struct peers *peers, struct peer *peer) {
    if (--peer->connections > 0)
        return;
    if (!peers->keep) {
        forget(peers, peer);
        return;
    }
    TAILQ_INSERT_TAIL(&peers->idle, peer, idle);
    if (++peers->idle_count > IDLE_MAX) {
        struct peer *oldest = TAILQ_FIRST(&peers->idle);
        TAILQ_REMOVE(&peers->idle, oldest, idle);
        peers->idle_count--;
        forget(peers, oldest);
    }
}

bool bucket_take(struct bucket *bucket, double rate, double burst, double now) {
    double tokens = bucket->at == 0 ? burst : bucket->tokens + (now - bucket->at) * rate;
    bucket->tokens = tokens < burst ? tokens : burst;
    bucket->at = now;
    if (bucket->tokens < 1)
        return false;
    bucket->tokens -= 1;
    return true;
}
