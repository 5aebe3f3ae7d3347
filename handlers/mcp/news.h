/* Tells listeners what has changed: sessions with a connection or a stream, and subscriptions/listen.
 *
 *     inotify -> changes.c -> touched topics, "the list has changed" -> a moment later, once -> sessions, listeners
 *
 * Directories are watched only while somebody listens, and for a little while afterwards. */
#ifndef SLUICE_HANDLERS_MCP_NEWS_H
#define SLUICE_HANDLERS_MCP_NEWS_H

#include "handlers/mcp/subscriptions.h"
#include "handlers/objects/changes.h"
#include "reactor/deadlines.h"

struct mcp;
struct rpc_call;

struct news {
    struct mcp *mcp;
    struct changes changes;
    struct subscriptions subscriptions;
    struct deadline_class soon, beats;
    struct deadline due; /* of soon */
    struct deadline beat;
    unsigned silent;                 /* beats without an audience */
    TAILQ_HEAD(, awaiting) awaiting; /* calls that wait until all is watched */
    bool listed;
};

/* roots must stay valid. most: directories that may be watched; 0: nothing is ever told. */
void news_init(struct news *news, struct mcp *mcp, const struct roots *roots, uint64_t most);
/* From now on somebody listens. */
void news_join(struct news *news);
/* Subscribes to a URI, which may be anything. 0, or as subscriber_add(). */
int news_subscribe(struct news *news, struct subscriber *subscriber, const char *uri);
/* Answers a call whose subscription failed with this error. */
void news_refuse(struct rpc_call *call, int error);
/* Continues with the call as soon as no change can be missed: now, or when the directories have been walked. go()
 * answers it. */
void news_when_ready(struct news *news, struct rpc_call *call, void (*go)(struct rpc_call *call));
void news_free(struct news *news);

#endif
