/* Sessions handed from one thread to many: a list under a lock, one thread woken for each. */
#ifndef SLUICE_BASELINES_QUEUE_H
#define SLUICE_BASELINES_QUEUE_H

#include "tools/bench/baselines/service.h"

#include <pthread.h>

struct queue {
    pthread_mutex_t lock;
    pthread_cond_t filled;
    STAILQ_HEAD(, session) sessions;
};

void queue_init(struct queue *queue);
void queue_push(struct queue *queue, struct session *session);
/* Waits for one. */
struct session *queue_pop(struct queue *queue);
/* The first one, NULL: there is none. */
struct session *queue_try(struct queue *queue);

#endif
