/* epoll in one thread, and a pool in which each worker has a queue of its own and robs the others' when it is
 * empty.
 *
 *     epoll -> readable session -> the queues in turn -> worker: its own, then the others' -> serve -> watch again
 *
 * work counts the sessions in all queues: a worker takes one off it, and so knows that a session is there for
 * it, before it looks for one. */
#include "tools/bench/baselines/model.h"
#include "tools/bench/baselines/queue.h"
#include "tools/bench/baselines/readiness.h"

#include <err.h>
#include <semaphore.h>
#include <stdlib.h>

struct workers {
    struct readiness readiness;
    struct queue *queues;
    unsigned count;
    sem_t work;
};

struct worker {
    struct workers *all;
    unsigned number;
};

static struct session *find(struct workers *all, unsigned own) {
    for (unsigned i = own;; i++) {
        struct session *session = queue_try(&all->queues[i % all->count]);
        if (session)
            return session;
    }
}

static void *work(void *argument) {
    struct worker worker = *(struct worker *)argument;
    struct workers *all = worker.all;
    free(argument);
    for (;;) {
        while (sem_wait(&all->work) != 0)
            ;
        struct session *session = find(all, worker.number);
        if (service_turn(all->readiness.service, session))
            readiness_watch(&all->readiness, session);
        else
            service_leave(session);
    }
    return NULL;
}

static void start(struct workers *all, unsigned number) {
    struct worker *worker = malloc(sizeof(*worker));
    if (!worker)
        err(1, "worker");
    *worker = (struct worker){all, number};
    service_thread(work, worker);
}

static void run(struct service *service) {
    struct workers all = {.count = service->threads};
    readiness_open(&all.readiness, service);
    sem_init(&all.work, 0, 0);
    all.queues = calloc(all.count, sizeof(*all.queues));
    if (!all.queues)
        err(1, "queues");
    for (unsigned i = 0; i < all.count; i++)
        queue_init(&all.queues[i]);
    for (unsigned i = 0; i < all.count; i++)
        start(&all, i);
    for (unsigned turn = 0;; turn++) {
        queue_push(&all.queues[turn % all.count], readiness_wait(&all.readiness));
        sem_post(&all.work);
    }
}

const struct model work_stealing = {"work-stealing",
                                    "epoll, and a pool whose workers rob each other's queues", run};
