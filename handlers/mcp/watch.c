#include "handlers/mcp/watch.h"

#include "handlers/mcp/ask.h"
#include "handlers/mcp/post.h"
#include "reactor/conn.h"
#include "reactor/container.h"
#include "reactor/loop.h"
#include "reactor/rpc_front.h"

#define WATCH 1.0 /* seconds */
#define MOST  256 /* calls ended by one look, which starts anew after each: their ends change the list */

/* Nothing more is read of its client: it has ended its side or, on a socket, sent what cannot be parsed. */
static bool is_no_longer_read(const struct rpc_batch *batch) {
    const struct conn *conn = batch->request ? batch->request->conn : NULL;
    return conn && (conn->stream.eof || (conn->last && rpc_front_has(conn)));
}

/* A call that waits for such a client. NULL: there is none. */
static struct rpc_call *orphaned_call(const struct mcp *mcp) {
    const struct rpc_batch *batch;
    struct rpc_call *call;
    LIST_FOREACH (batch, &mcp->rpc->batches, link) {
        if (batch->awaits == 0 || !is_no_longer_read(batch))
            continue;
        LIST_FOREACH (call, &batch->calls, link) {
            if (call->awaits && !call->cancelled)
                return call;
        }
    }
    return NULL;
}

static void on_watch(struct deadline *deadline) {
    struct mcp *mcp = CONTAINER_OF(deadline, struct mcp, watching);
    struct rpc_call *call = NULL;
    bool draining = mcp->rpc->loop->state >= LOOP_DRAINING, parted = mcp_posts_expire(mcp, draining);
    if (draining) {
        mcp_listen_drain(mcp);
        ask_drain(mcp);
    }
    for (int i = 0; i < MOST && (call = orphaned_call(mcp)); i++) {
        rpc_pause(call); /* it may come back for a stream that can be resumed */
        if (rpc_request(call))
            rpc_cancel(call);
    }
    if (parted || call || !LIST_EMPTY(&mcp->listening) || !LIST_EMPTY(&mcp->asked))
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
