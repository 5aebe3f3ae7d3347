#include "tools/bench/baselines/queue.h"

void queue_init(struct queue *queue) {
    pthread_mutex_init(&queue->lock, NULL);
    pthread_cond_init(&queue->filled, NULL);
    STAILQ_INIT(&queue->sessions);
}

void queue_push(struct queue *queue, struct session *session) {
    pthread_mutex_lock(&queue->lock);
    STAILQ_INSERT_TAIL(&queue->sessions, session, link);
    pthread_cond_signal(&queue->filled);
    pthread_mutex_unlock(&queue->lock);
}

/* Under the lock. */
static struct session *take(struct queue *queue) {
    struct session *session = STAILQ_FIRST(&queue->sessions);
    if (session)
        STAILQ_REMOVE_HEAD(&queue->sessions, link);
    return session;
}

struct session *queue_pop(struct queue *queue) {
    struct session *session;
    pthread_mutex_lock(&queue->lock);
    while (!(session = take(queue)))
        pthread_cond_wait(&queue->filled, &queue->lock);
    pthread_mutex_unlock(&queue->lock);
    return session;
}

struct session *queue_try(struct queue *queue) {
    pthread_mutex_lock(&queue->lock);
    struct session *session = take(queue);
    pthread_mutex_unlock(&queue->lock);
    return session;
}
