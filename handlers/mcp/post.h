/* A POST of /mcp in hand, and the event stream that may become its reply.
 *
 *     messages before the answer -> mcp_post_say() -> stream opened as the reply -> events, with ids in a session
 *     client or method ends the stream early (legacy) -> parted: further events are kept in the session's recall
 *     GET with Last-Event-ID -> mcp_post_resume() -> kept events, then new ones
 *     nobody comes back for a while -> abandoned */
#ifndef SLUICE_HANDLERS_MCP_POST_H
#define SLUICE_HANDLERS_MCP_POST_H

#include "handlers/mcp/event_stream.h"
#include "handlers/mcp/mcp.h"

struct mcp_post {
    LIST_ENTRY(mcp_post) link; /* of mcp->posts, if it has a number */
    struct mcp *mcp;
    struct rpc_batch *batch;     /* NULL: not yet, or replied */
    struct event_stream *stream; /* NULL: none */
    struct mcp_token token;
    bool has_token, modern;
    bool takes_events;         /* Accept has text/event-stream */
    bool opened;               /* the reply is a stream, whatever became of it */
    unsigned number;           /* of the stream within the session; 0: it cannot be resumed */
    double parted;             /* since when there is no stream */
    int status;                /* of a reply with an error; 0: 200 */
    char session[MCP_ID_SIZE]; /* for the reply; "": none */
};

/* Sends a message before the answer. False: the client takes no events, or none at present. */
bool mcp_post_say(struct mcp_post *post, struct span text);
/* Sends the answer, if the reply is a stream. text.p NULL: there is nothing to say. */
void mcp_post_answer(struct mcp_post *post, struct span text);
/* Ends the stream for now, so that the client comes back for the rest; does nothing if it cannot. */
void mcp_post_pause(struct mcp_post *post);
/* The batch is over. */
void mcp_post_drop(struct mcp_post *post);
/* A client comes back for the stream of the POST with this number, having received the events up to last. 0; or the
 * request is not answered: -ENOENT: the events after those are not kept (any longer); -EBUSY: too many streams. */
int mcp_post_resume(struct mcp *mcp, struct request *request, struct mcp_session *session, unsigned number,
                    uint64_t last);
/* To be called once a second: abandons those that nobody came back for; all: every parted one. True: some are left. */
bool mcp_posts_expire(struct mcp *mcp, bool all);
/* Sends the events of a stream after a number once more. */
void mcp_post_recall(const struct mcp_session *session, unsigned stream, uint64_t last,
                     struct event_stream *to);

#endif
