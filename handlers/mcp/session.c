#include "handlers/mcp/session.h"

#include "handlers/http/text.h"
#include "handlers/mcp/event_stream.h"
#include "proto/little.h"
#include "reactor/container.h"
#include "reactor/rpc_front.h"

#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define PLAIN 14 /* version, capabilities, time, nonce */
#define MAC   16 /* bytes of the HMAC that are kept */
#define WHOLE (PLAIN + MAC)

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

bool mcp_sign(const uint8_t *key, struct span bytes, uint8_t mac[static MCP_MAC]) {
    unsigned n = 0;
    return HMAC(EVP_sha256(), key, MCP_KEY, (const uint8_t *)bytes.p, bytes.n, mac, &n) && n == MCP_MAC;
}

static bool sign(const uint8_t *plain, const uint8_t *key, uint8_t *out) {
    uint8_t mac[MCP_MAC];
    bool good = mcp_sign(key, span_of(plain, PLAIN), mac);
    if (good)
        memcpy(out, mac, MAC);
    return good;
}

/* Base64 for URLs, without padding: WHOLE is a multiple of 3. */
bool mcp_token_encode(const struct mcp_token *token, const uint8_t *key, char id[static MCP_ID_SIZE]) {
    uint8_t bytes[WHOLE] = {token->version, token->can};
    little_put32(bytes + 2, token->made);
    little_put64(bytes + 6, token->nonce);
    if (!sign(bytes, key, bytes + PLAIN))
        return false;
    for (unsigned i = 0; i < WHOLE; i += 3) {
        uint32_t bits = (uint32_t)bytes[i] << 16 | (uint32_t)bytes[i + 1] << 8 | bytes[i + 2];
        for (int shift = 18; shift >= 0; shift -= 6)
            *id++ = letters[bits >> shift & 63];
    }
    *id = '\0';
    return true;
}

bool mcp_token_decode(struct span id, const uint8_t *key, struct mcp_token *token) {
    uint8_t bytes[WHOLE], mac[MAC];
    if (id.n != WHOLE / 3 * 4)
        return false;
    for (unsigned i = 0; i < WHOLE; i += 3) {
        uint32_t bits = 0;
        for (unsigned j = 0; j < 4; j++) {
            const char *letter = id.p[j] ? strchr(letters, id.p[j]) : NULL;
            if (!letter)
                return false;
            bits = bits << 6 | (uint32_t)(letter - letters);
        }
        id.p += 4;
        bytes[i] = (uint8_t)(bits >> 16);
        bytes[i + 1] = (uint8_t)(bits >> 8);
        bytes[i + 2] = (uint8_t)bits;
    }
    bool good = sign(bytes, key, mac);
    *token = (struct mcp_token){bytes[0], bytes[1], little_get32(bytes + 2), little_get64(bytes + 6)};
    return good && CRYPTO_memcmp(mac, bytes + PLAIN, MAC) == 0;
}

static const char *const level_names[MCP_LEVELS] = {"debug", "info",     "notice", "warning",
                                                    "error", "critical", "alert",  "emergency"};

int mcp_level_named(const char *name) {
    for (int i = 0; i < MCP_LEVELS; i++)
        if (strcmp(level_names[i], name) == 0)
            return i;
    return -1;
}

void mcp_sessions_init(struct mcp_sessions *sessions, unsigned max, uint32_t age,
                       struct subscriptions *subscriptions, struct recall_budget *budget, uint64_t *states) {
    for (unsigned i = 0; i < MCP_SESSION_BUCKETS; i++)
        LIST_INIT(&sessions->buckets[i]);
    TAILQ_INIT(&sessions->by_age);
    sessions->count = 0;
    sessions->max = max;
    sessions->age = age;
    sessions->subscriptions = subscriptions;
    sessions->budget = budget;
    sessions->states = states;
}

void mcp_sessions_free(struct mcp_sessions *sessions) {
    struct mcp_session *session;
    while ((session = TAILQ_FIRST(&sessions->by_age)))
        mcp_session_free(session);
}

struct mcp_session *mcp_session_find(struct mcp_sessions *sessions, const struct mcp_token *token) {
    struct mcp_session *session;
    LIST_FOREACH (session, &sessions->buckets[token->nonce % MCP_SESSION_BUCKETS], link) {
        if (session->token.nonce == token->nonce)
            return session;
    }
    return NULL;
}

/* A socket's session ends with its connection. */
void mcp_sessions_expire(struct mcp_sessions *sessions, uint32_t now) {
    struct mcp_session *session, *next;
    for (session = TAILQ_FIRST(&sessions->by_age); session; session = next) {
        next = TAILQ_NEXT(session, age);
        if (!session->conn && session->token.made + sessions->age < now)
            mcp_session_free(session);
    }
}

/* The resource has changed (2025-11-25, Resources, "Subscriptions"). */
static void tell_updated(struct subscriber *subscriber, const char *uri) {
    struct mcp_session *session = CONTAINER_OF(subscriber, struct mcp_session, subscriber);
    struct text text = {0};
    text_add_constant(
        &text, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/resources/updated\",\"params\":{\"uri\":");
    text_add_quoted(&text, span_text(uri));
    text_add_constant(&text, "}}");
    if (!text.failed)
        mcp_session_say(session, span_of(text.p, text.n));
    text_free(&text);
}

/* What is lost with a session's state; the larger, the worse. */
enum loss { LOSS_EVENTS, LOSS_END, LOSS_LEVEL, LOSS_CLIENT };

static enum loss loss_of(const struct mcp_session *session) {
    if (session->revoked)
        return LOSS_END; /* its id is good again, until it expires */
    if (session->conn || session->stream || session->subscriber.count > 0)
        return LOSS_CLIENT;
    return session->level == MCP_DEBUG ? LOSS_EVENTS : LOSS_LEVEL;
}

/* The oldest one of those with the least to lose goes, if none of its client's waiting is lost. Ids are cheap: whoever
 * begins sessions, and ends them or not, must not keep others from theirs. */
static void make_room(struct mcp_sessions *sessions) {
    struct mcp_session *session, *least = NULL;
    TAILQ_FOREACH (session, &sessions->by_age, age) {
        if (!least || loss_of(session) < loss_of(least))
            least = session;
        if (loss_of(least) == LOSS_EVENTS)
            break;
    }
    if (least && loss_of(least) < LOSS_CLIENT)
        mcp_session_free(least);
}

/* Anywhere, so that an id from before a restart is not taken for one of the events since then. */
static uint64_t first_number(void) {
    uint32_t random = 0;
    RAND_bytes((unsigned char *)&random, sizeof(random)); /* without any it is 0 */
    return (uint64_t)random << 20;
}

struct mcp_session *mcp_session_get(struct mcp_sessions *sessions, const struct mcp_token *token,
                                    uint32_t now) {
    struct mcp_session *session = mcp_session_find(sessions, token);
    if (session)
        return session;
    if (sessions->count >= sessions->max)
        mcp_sessions_expire(sessions, now);
    if (sessions->count >= sessions->max)
        make_room(sessions);
    if (sessions->count >= sessions->max || !(session = calloc(1, sizeof(*session))))
        return NULL;
    session->sessions = sessions;
    session->token = *token;
    subscriber_init(&session->subscriber, tell_updated);
    recall_init(&session->recall, first_number());
    LIST_INSERT_HEAD(&sessions->buckets[token->nonce % MCP_SESSION_BUCKETS], session, link);
    TAILQ_INSERT_TAIL(&sessions->by_age, session, age);
    *sessions->states = ++sessions->count;
    return session;
}

static void end_stream(struct mcp_session *session) {
    if (session->stream)
        event_stream_disown(session->stream);
    session->stream = NULL;
    session->streamed = false;
}

void mcp_session_free(struct mcp_session *session) {
    struct mcp_sessions *sessions = session->sessions;
    LIST_REMOVE(session, link);
    TAILQ_REMOVE(&sessions->by_age, session, age);
    *sessions->states = --sessions->count;
    end_stream(session);
    subscriber_clear(sessions->subscriptions, &session->subscriber);
    recall_clear(&session->recall, sessions->budget);
    free(session);
}

void mcp_session_revoke(struct mcp_session *session) {
    session->revoked = true;
    end_stream(session);
    subscriber_clear(session->sessions->subscriptions, &session->subscriber);
    recall_clear(&session->recall, session->sessions->budget);
}

void mcp_session_say(struct mcp_session *session, struct span text) {
    char id[RECALL_ID];
    if (session->conn)
        rpc_front_notify(session->conn, text);
    if (!session->streamed)
        return;
    recall_add(&session->recall, session->sessions->budget, 0, text, id);
    if (session->stream)
        event_stream_send(session->stream, id, text);
}
