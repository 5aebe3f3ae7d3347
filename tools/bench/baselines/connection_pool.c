/* A fixed pool whose workers take a connection for life, as the study's system did: with more persistent
 * connections than workers the others are never served.
 *
 *     accept -> queue -> worker: serve, serve, ... until the client leaves -> next connection */
#include "tools/bench/baselines/model.h"
#include "tools/bench/baselines/queue.h"

struct pool {
    struct service *service;
    struct queue queue;
};

static void *work(void *argument) {
    struct pool *pool = argument;
    for (struct session *session; (session = queue_pop(&pool->queue));) {
        while (service_turn(pool->service, session))
            ;
        service_leave(session);
    }
    return NULL;
}

static void run(struct service *service) {
    struct pool pool = {.service = service};
    queue_init(&pool.queue);
    for (unsigned i = 0; i < service->threads; i++)
        service_thread(work, &pool);
    for (;;)
        queue_push(&pool.queue, service_accept(service));
}

const struct model connection_pool = {"connection-pool", "a fixed pool; a worker takes a connection for life",
                                      run};
