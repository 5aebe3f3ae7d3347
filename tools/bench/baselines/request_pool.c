/* epoll in one thread, and a fixed pool that takes requests.
 *
 *     epoll -> readable session -> queue -> worker: serve once -> watch again */
#include "tools/bench/baselines/model.h"
#include "tools/bench/baselines/queue.h"
#include "tools/bench/baselines/readiness.h"

struct pool {
    struct readiness readiness;
    struct queue queue;
};

static void *work(void *argument) {
    struct pool *pool = argument;
    for (struct session *session; (session = queue_pop(&pool->queue));) {
        if (service_turn(pool->readiness.service, session))
            readiness_watch(&pool->readiness, session);
        else
            service_leave(session);
    }
    return NULL;
}

static void run(struct service *service) {
    struct pool pool;
    readiness_open(&pool.readiness, service);
    queue_init(&pool.queue);
    for (unsigned i = 0; i < service->threads; i++)
        service_thread(work, &pool);
    for (;;)
        queue_push(&pool.queue, readiness_wait(&pool.readiness));
}

const struct model request_pool = {"request-pool", "epoll, and a fixed pool that takes requests", run};
