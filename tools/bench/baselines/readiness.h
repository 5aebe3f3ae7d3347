/* Sessions that wait for requests, in epoll: what three of the models dispatch from.
 *
 *     readiness_wait(): accepts by itself -> a session that can be read; it is not watched until readiness_watch() */
#ifndef SLUICE_BASELINES_READINESS_H
#define SLUICE_BASELINES_READINESS_H

#include "tools/bench/baselines/service.h"

#include <sys/epoll.h>

#define READINESS_EVENTS 256

struct readiness {
    struct service *service;
    int epoll;
    int count, at; /* events that were reported, and how many of them were handed out */
    struct epoll_event events[READINESS_EVENTS];
};

void readiness_open(struct readiness *readiness, struct service *service);
/* The next readable session, now the caller's. */
struct session *readiness_wait(struct readiness *readiness);
/* Watches a session (again). Any thread may call it; the session may be another thread's at once. */
void readiness_watch(struct readiness *readiness, struct session *session);

#endif
