#include "handlers/mcp/watch.h"

#include "handlers/mcp/ask.h"
#include "handlers/mcp/post.h"
#include "reactor/conn.h"
#include "reactor/container.h"
#include "reactor/loop.h"

#define WATCH 1.0 /* seconds */

/* One call of a batch that waits although its client has ended its side; the next ones follow a second later. */
static struct rpc_call *orphaned_call(const struct rpc_batch *batch) {
    struct rpc_call *call;
    if (!batch->request || !batch->request->conn->stream.eof)
        return NULL;
    LIST_FOREACH (call, &batch->calls, link) {
        if (call->waiting)
            return call;
    }
    return NULL;
}

static void on_watch(struct deadline *deadline) {
    struct mcp *mcp = CONTAINER_OF(deadline, struct mcp, watching);
    struct rpc_batch *batch, *next;
    bool draining = mcp->rpc->loop->state >= LOOP_DRAINING, parted = mcp_posts_expire(mcp, draining);
    if (draining) {
        mcp_listen_drain(mcp);
        ask_drain(mcp);
    }
    for (batch = LIST_FIRST(&mcp->rpc->batches); batch; batch = next) {
        next = LIST_NEXT(batch, link);
        struct rpc_call *call = orphaned_call(batch);
        if (call)
            rpc_pause(call); /* it may come back for a stream that can be resumed */
        if (call && batch->request)
            rpc_cancel(call);
    }
    if (parted || !LIST_EMPTY(&mcp->listening) || !LIST_EMPTY(&mcp->asked))
        mcp_watch(mcp);
}

void mcp_watch(struct mcp *mcp) {
    if (!mcp->watching.class)
        deadline_set(&mcp->watching, &mcp->watch);
}

void mcp_watch_init(struct mcp *mcp) {
    LIST_INIT(&mcp->listening);
    LIST_INIT(&mcp->asked);
    deadlines_add(&mcp->rpc->loop->deadlines, &mcp->watch, WATCH, on_watch);
}
