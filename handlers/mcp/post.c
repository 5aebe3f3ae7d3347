#include "handlers/mcp/post.h"

#include "reactor/loop.h"
#include "reactor/request.h"

#include <errno.h>
#include <stdlib.h>

#define PARTED_MAX  60.0 /* seconds that an answer waits for its client to come back */
#define PRIMED_FROM 3    /* index of 2025-11-25: earlier clients take no event without data */

static void gone(void *owner) {
    struct mcp_post *post = owner;
    post->stream = NULL;
    if (!post->batch)
        return;
    if (post->number == 0) {
        /* Nobody is left to tell; in the modern era that counts as a cancellation. */
        rpc_batch_abandon(post->batch);
        return;
    }
    post->parted = loop_now(post->mcp->rpc->loop);
    rpc_batch_detach(post->batch);
    mcp_watch(post->mcp);
}

static struct mcp_session *session_of(const struct mcp_post *post) {
    struct mcp_session *session = mcp_session_find(&post->mcp->sessions, &post->token);
    return session && !session->revoked ? session : NULL;
}

/* A session's streams have numbers, and it remembers their events. */
static void make_resumable(struct mcp_post *post) {
    struct mcp *mcp = post->mcp;
    if (post->modern || !post->has_token || mcp->recall.each == 0)
        return;
    struct mcp_session *session = mcp_session_get(&mcp->sessions, &post->token, mcp_date(mcp));
    if (!session || session->revoked)
        return;
    post->number = ++session->streams;
    LIST_INSERT_HEAD(&mcp->posts, post, link);
    if (post->token.version >= PRIMED_FROM) {
        char id[RECALL_ID];
        recall_print(post->number, session->recall.last, id);
        event_stream_prime(post->stream, id);
    }
}

static void open_stream(struct mcp_post *post) {
    struct request *request = post->batch->request;
    if (post->opened || !post->takes_events || !request || request->replied)
        return;
    post->stream = event_stream_open(post->mcp, request, post->session[0] ? post->session : NULL, gone, post);
    post->opened = post->stream != NULL;
    if (post->opened)
        make_resumable(post);
}

/* The event's id if it is kept; "" if not. */
static const char *keep(const struct mcp_post *post, struct span text, char id[static RECALL_ID]) {
    struct mcp_session *session = post->number ? session_of(post) : NULL;
    if (!session)
        return NULL;
    recall_add(&session->recall, session->sessions->budget, post->number, text, id);
    return id;
}

bool mcp_post_say(struct mcp_post *post, struct span text) {
    char id[RECALL_ID];
    open_stream(post);
    if (!post->opened)
        return false;
    const char *kept_id = keep(post, text, id);
    return post->stream ? event_stream_send(post->stream, kept_id, text) : kept_id != NULL;
}

void mcp_post_answer(struct mcp_post *post, struct span text) {
    char id[RECALL_ID];
    const char *kept_id = text.p ? keep(post, text, id) : NULL;
    if (post->stream)
        event_stream_answer(post->stream, kept_id, text);
    post->stream = NULL;
}

void mcp_post_pause(struct mcp_post *post) {
    open_stream(post);
    struct event_stream *stream = post->stream;
    if (!stream || post->number == 0)
        return;
    gone(post);
    event_stream_disown(stream);
}

void mcp_post_drop(struct mcp_post *post) {
    if (post->stream)
        event_stream_disown(post->stream);
    if (post->number)
        LIST_REMOVE(post, link);
    free(post);
}

void mcp_post_recall(const struct mcp_session *session, unsigned stream, uint64_t last,
                     struct event_stream *to) {
    char id[RECALL_ID];
    const struct recall_event *event = NULL;
    while ((event = recall_next(&session->recall, stream, last, event))) {
        recall_print(stream, event->number, id);
        event_stream_send(to, id, span_of(event->data, event->n));
    }
}

static struct mcp_post *find(const struct mcp *mcp, const struct mcp_session *session, unsigned number) {
    struct mcp_post *post;
    LIST_FOREACH (post, &mcp->posts, link) {
        if (post->number == number && post->token.nonce == session->token.nonce)
            return post;
    }
    return NULL;
}

int mcp_post_resume(struct mcp *mcp, struct request *request, struct mcp_session *session, unsigned number,
                    uint64_t last) {
    struct mcp_post *post = find(mcp, session, number);
    const struct recall *recall = &session->recall;
    bool whole = last >= recall->lost && last <= recall->last; /* what came behind it is all there */
    if (number > session->streams || !whole)
        return -ENOENT;
    struct event_stream *stream = event_stream_open(mcp, request, NULL, post ? gone : NULL, post);
    if (!stream)
        return -EBUSY;
    event_stream_listen(stream, false);
    mcp_post_recall(session, number, last, stream);
    if (!post) {
        event_stream_end(stream);
        return 0;
    }
    if (post->stream) { /* its request ends without the answer, which comes on the new stream */
        rpc_batch_detach(post->batch);
        event_stream_disown(post->stream);
    }
    post->stream = stream;
    post->parted = 0;
    return 0;
}

bool mcp_posts_expire(struct mcp *mcp, bool all) {
    struct mcp_post *post, *next;
    double now = loop_now(mcp->rpc->loop);
    bool left = false;
    for (post = LIST_FIRST(&mcp->posts); post; post = next) {
        next = LIST_NEXT(post, link);
        if (post->stream || !post->batch)
            continue;
        if (all || post->parted + PARTED_MAX < now)
            rpc_batch_abandon(post->batch);
        else
            left = true;
    }
    return left;
}
