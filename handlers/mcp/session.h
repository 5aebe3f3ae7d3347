/* Sessions of the legacy era: signed ids, and the small state that some of them have on this node.
 *
 *     initialize -> token: version, capabilities, time, nonce -> HMAC-SHA256 -> Mcp-Session-Id       no memory
 *     subscribe, setLevel, GET, DELETE -> struct mcp_session by nonce      bounded; expires with the token
 *
 * On a socket the connection is the session, and its state lives as long. */
#ifndef SLUICE_HANDLERS_MCP_SESSION_H
#define SLUICE_HANDLERS_MCP_SESSION_H

#include "handlers/mcp/recall.h"
#include "handlers/mcp/subscriptions.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct conn;
struct event_stream;

/* What a client said it can do. */
#define MCP_CAN_SAMPLE 1u
#define MCP_CAN_ELICIT 2u
#define MCP_CAN_ROOTS  4u

#define MCP_ID_SIZE 64 /* of an id as text, with its NUL */

struct mcp_token {
    uint8_t version; /* index in mcp_legacy_versions */
    uint8_t can;     /* MCP_CAN_* */
    uint32_t made;   /* seconds since 1970, on the clock that all nodes use */
    uint64_t nonce;
};

#define MCP_KEY 32 /* bytes of the signing key */
#define MCP_MAC 32 /* bytes of a signature */

/* Signs bytes with HMAC-SHA256. False: no memory. */
bool mcp_sign(const uint8_t *key, struct span bytes, uint8_t mac[static MCP_MAC]);

/* Makes an id. False: no memory. */
bool mcp_token_encode(const struct mcp_token *token, const uint8_t *key, char id[static MCP_ID_SIZE]);
/* Reads an id. False: it is not ours, or was changed. The caller has to judge its age. */
bool mcp_token_decode(struct span id, const uint8_t *key, struct mcp_token *token);

enum mcp_level {
    MCP_DEBUG,
    MCP_INFO,
    MCP_NOTICE,
    MCP_WARNING,
    MCP_ERROR,
    MCP_CRITICAL,
    MCP_ALERT,
    MCP_EMERGENCY,
    MCP_LEVELS
};

/* -1: no such level. */
int mcp_level_named(const char *name);

struct mcp_session {
    LIST_ENTRY(mcp_session) link; /* by nonce */
    TAILQ_ENTRY(mcp_session) age; /* the oldest first */
    struct mcp_sessions *sessions;
    struct mcp_token token;
    struct conn *conn; /* of a socket's session; NULL: HTTP's */
    enum mcp_level level;
    bool revoked; /* by DELETE: its id is invalid */
    struct subscriber subscriber;
    struct event_stream *stream; /* GET's, where notifications go; NULL: none */
    bool streamed;               /* it had one: missed messages are kept for its return */
    unsigned streams;            /* of POSTs so far */
    struct recall recall;
};

#define MCP_SESSION_BUCKETS 1024

struct mcp_sessions {
    LIST_HEAD(, mcp_session) buckets[MCP_SESSION_BUCKETS];
    TAILQ_HEAD(, mcp_session) by_age;
    unsigned count, max;
    uint32_t age; /* seconds until a token expires */
    struct subscriptions *subscriptions;
    struct recall_budget *budget;
    uint64_t *states; /* a counter of them */
};

/* subscriptions, budget and states (set to the number of sessions) must stay valid. */
void mcp_sessions_init(struct mcp_sessions *sessions, unsigned max, uint32_t age,
                       struct subscriptions *subscriptions, struct recall_budget *budget, uint64_t *states);
void mcp_sessions_free(struct mcp_sessions *sessions);
/* NULL: no state here. */
struct mcp_session *mcp_session_find(struct mcp_sessions *sessions, const struct mcp_token *token);
/* The state of a session, made if there is none; NULL: no memory, or max are in use, not counting expired ones. now:
 * seconds since 1970. */
struct mcp_session *mcp_session_get(struct mcp_sessions *sessions, const struct mcp_token *token,
                                    uint32_t now);
void mcp_session_free(struct mcp_session *session);
/* For DELETE: invalidates its id, and frees everything else. */
void mcp_session_revoke(struct mcp_session *session);
/* Frees those whose ids have expired, and ends their streams. */
void mcp_sessions_expire(struct mcp_sessions *sessions, uint32_t now);
/* Sends a message unasked, to the session's connection or stream; kept for a stream that may come back. */
void mcp_session_say(struct mcp_session *session, struct span text);

#endif
