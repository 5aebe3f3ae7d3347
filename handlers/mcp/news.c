#include "handlers/mcp/news.h"

#include "handlers/mcp/mcp.h"
#include "handlers/rpc/message.h"
#include "reactor/loop.h"

#include <errno.h>
#include <stdlib.h>

#define SOON       0.2 /* seconds in which changes are gathered */
#define BEAT       5.0
#define SILENT_MAX 12 /* beats without an audience, then nothing is watched */

struct awaiting {
    TAILQ_ENTRY(awaiting) link;
    struct rpc_call *call;
    void (*go)(struct rpc_call *call);
    void (*cancelled)(struct rpc_call *call); /* as it was before; may be NULL */
};

static struct news *news_of(struct deadline *deadline, size_t offset) {
    return (struct news *)(void *)((char *)deadline - offset);
}

/* ---- telling --------------------------------------------------------------------------------------- */

static void tell_list(struct mcp *mcp) {
    static const char text[] = "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/resources/list_changed\"}";
    struct mcp_session *session;
    TAILQ_FOREACH (session, &mcp->sessions.by_age, age)
        mcp_session_say(session, span_of(text, sizeof(text) - 1));
    mcp_listen_tell_list(mcp);
}

static void on_due(struct deadline *deadline) {
    struct news *news = news_of(deadline, offsetof(struct news, due));
    bool listed = news->listed;
    news->listed = false;
    if (listed)
        tell_list(news->mcp);
    subscriptions_tell(&news->subscriptions);
}

/* ---- calls that wait for the walk -------------------------------------------------------------------- */

static void end_awaiting(struct news *news, struct awaiting *awaiting) {
    awaiting->call->waiting = awaiting->cancelled;
    TAILQ_REMOVE(&news->awaiting, awaiting, link);
    free(awaiting);
}

static void cancelled(struct rpc_call *call) {
    struct awaiting *awaiting;
    struct news *news = &mcp_of(call)->news;
    TAILQ_FOREACH (awaiting, &news->awaiting, link) {
        if (awaiting->call == call) {
            end_awaiting(news, awaiting);
            break;
        }
    }
    if (call->waiting)
        call->waiting(call);
    else
        rpc_silence(call);
}

static void settle(struct news *news) {
    struct awaiting *awaiting;
    while (changes_settled(&news->changes) && (awaiting = TAILQ_FIRST(&news->awaiting))) {
        struct rpc_call *call = awaiting->call;
        void (*go)(struct rpc_call *) = awaiting->go;
        end_awaiting(news, awaiting);
        go(call);
    }
}

void news_when_ready(struct news *news, struct rpc_call *call, void (*go)(struct rpc_call *call)) {
    struct awaiting *awaiting = changes_settled(&news->changes) ? NULL : malloc(sizeof(*awaiting));
    if (!awaiting) {
        go(call);
        return;
    }
    *awaiting = (struct awaiting){.call = call, .go = go, .cancelled = call->waiting};
    TAILQ_INSERT_TAIL(&news->awaiting, awaiting, link);
    call->waiting = cancelled;
}

/* ---- what changes.c tells ---------------------------------------------------------------------------- */

static void changed(void *context, struct span key, bool below, bool listed) {
    struct news *news = context;
    subscriptions_touch(&news->subscriptions, key, below);
    news->listed |= listed;
    if (listed)
        pages_clear(&news->mcp->pages);
    if (!news->due.class && (news->listed || !TAILQ_EMPTY(&news->subscriptions.touched)))
        deadline_set(&news->due, &news->soon);
    settle(news);
}

/* ---- the audience ---------------------------------------------------------------------------------- */

static bool has_audience(const struct mcp *mcp) {
    const struct mcp_session *session;
    if (!LIST_EMPTY(&mcp->listening) || !TAILQ_EMPTY(&mcp->news.awaiting))
        return true;
    TAILQ_FOREACH (session, &mcp->sessions.by_age, age) {
        if (session->conn || session->stream)
            return true;
    }
    return false;
}

static void on_beat(struct deadline *deadline) {
    struct news *news = news_of(deadline, offsetof(struct news, beat));
    mcp_sessions_expire(&news->mcp->sessions, mcp_date(news->mcp));
    pages_expire(&news->mcp->pages, loop_now(news->mcp->rpc->loop));
    news->silent = has_audience(news->mcp) ? 0 : news->silent < SILENT_MAX ? news->silent + 1 : SILENT_MAX;
    changes_want(&news->changes, news->silent < SILENT_MAX);
    deadline_set(&news->beat, &news->beats);
}

void news_join(struct news *news) {
    news->silent = 0;
    changes_want(&news->changes, true);
}

int news_subscribe(struct news *news, struct subscriber *subscriber, const char *uri) {
    char room[OBJECT_KEY_MAX];
    size_t n;
    bool object = mcp_key_of(uri, room, sizeof(room), &n);
    struct span key = object ? span_of(room, n) : span_of(NULL, 0);
    int error = subscriber_add(&news->subscriptions, subscriber, uri, key);
    if (!error && object)
        changes_want_key(&news->changes, key);
    return error;
}

void news_refuse(struct rpc_call *call, int error) {
    if (error == -ENAMETOOLONG)
        rpc_error(call, MESSAGE_INVALID_PARAMS, "no resource has such a long URI", NULL);
    else
        rpc_fail(call, STATUS_BUSY, "too many subscriptions");
}

void news_init(struct news *news, struct mcp *mcp, const struct roots *roots, uint64_t most) {
    struct loop *loop = mcp->rpc->loop;
    *news = (struct news){.mcp = mcp, .silent = SILENT_MAX};
    TAILQ_INIT(&news->awaiting);
    subscriptions_init(&news->subscriptions);
    changes_init(&news->changes, loop, roots, most, &mcp->stats.mcp_watched, changed, news);
    deadlines_add(&loop->deadlines, &news->soon, SOON, on_due);
    deadlines_add(&loop->deadlines, &news->beats, BEAT, on_beat);
    deadline_set(&news->beat, &news->beats);
}

void news_free(struct news *news) {
    changes_free(&news->changes);
}
