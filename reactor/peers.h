/* Clients as the limits see them: one entry per address (or /64 of IPv6) or Unix uid.
 *
 *     accept -> peers_join(): counts the connection -> ... requests draw on its bucket, passed fds are booked on it
 *     close  -> peers_leave(): forgotten when idle, or kept a while so that reconnecting does not refill the bucket
 */
#ifndef SLUICE_REACTOR_PEERS_H
#define SLUICE_REACTOR_PEERS_H

#include "reactor/table.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/socket.h>

#define PEER_HOST 8
#define PEER_TEXT 46 /* bytes for the longest address as text, with its NUL */

/* Token bucket; rate and burst belong to whoever owns the limit. */
struct bucket {
    double tokens;
    double at; /* the time that tokens refers to; 0: the bucket is full */
};

struct peer_key {
    uint32_t family; /* AF_UNIX, AF_INET, AF_INET6 */
    uint32_t uid;    /* AF_UNIX */
    uint8_t address[16];
};

struct peer {
    struct peer_key key;
    uint32_t connections;
    uint32_t fds; /* descriptors in flight to it */
    struct bucket rate;
    TAILQ_ENTRY(peer) idle;
    UT_hash_handle hh;
};

struct peers {
    struct peer *table;
    TAILQ_HEAD(, peer) idle; /* without connections, oldest first */
    uint32_t idle_count;
    bool keep; /* a rate limit is set: keep idle entries */
};

void peers_init(struct peers *peers, bool keep);
void peers_free(struct peers *peers);
/* The key of a connected socket's peer; 0 or -errno. */
int peer_key_of(int fd, const struct sockaddr *address, struct peer_key *key);
/* The half of an IPv6 address that its key leaves out; zeros for other families. */
void peer_host(const struct sockaddr *address, uint8_t host[PEER_HOST]);
/* The whole address of a key and its other half as text; "" for AF_UNIX. */
void peer_address(const struct peer_key *key, const uint8_t host[PEER_HOST], char text[PEER_TEXT]);
/* The same with its port, or the uid: "127.0.0.1:5000", "[::1]:5000", "uid:1000". */
void peer_text(const struct peer_key *key, const uint8_t host[PEER_HOST], uint16_t port, char *text,
               size_t size);
/* The entry of key, with one more connection; NULL without memory. */
struct peer *peers_join(struct peers *peers, const struct peer_key *key);
void peers_leave(struct peers *peers, struct peer *peer);
/* Looks an entry up without joining; NULL if there is none. */
struct peer *peers_find(struct peers *peers, const struct peer_key *key);

/* Takes one token; false: there is none. rate: tokens a second, burst: at most at once, now: in seconds. */
bool bucket_take(struct bucket *bucket, double rate, double burst, double now);

#endif
