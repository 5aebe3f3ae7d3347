#include "tools/bench/baselines/readiness.h"

#include <err.h>
#include <errno.h>

void readiness_open(struct readiness *readiness, struct service *service) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    *readiness = (struct readiness){.service = service, .epoll = epoll_create1(EPOLL_CLOEXEC)};
    if (readiness->epoll < 0 || epoll_ctl(readiness->epoll, EPOLL_CTL_ADD, service->listener, &event) != 0)
        err(1, "epoll");
}

static void add(struct readiness *readiness, struct session *session) {
    struct epoll_event event = {.events = EPOLLIN | EPOLLONESHOT, .data.ptr = session};
    if (epoll_ctl(readiness->epoll, EPOLL_CTL_ADD, session->fd, &event) != 0)
        err(1, "epoll");
}

void readiness_watch(struct readiness *readiness, struct session *session) {
    struct epoll_event event = {.events = EPOLLIN | EPOLLONESHOT, .data.ptr = session};
    if (epoll_ctl(readiness->epoll, EPOLL_CTL_MOD, session->fd, &event) != 0)
        err(1, "epoll");
}

struct session *readiness_wait(struct readiness *readiness) {
    for (;;) {
        while (readiness->at < readiness->count) {
            struct session *session = readiness->events[readiness->at++].data.ptr;
            if (session)
                return session;
            add(readiness, service_accept(readiness->service));
        }
        readiness->at = 0;
        readiness->count = epoll_wait(readiness->epoll, readiness->events, READINESS_EVENTS, -1);
        if (readiness->count < 0 && errno != EINTR)
            err(1, "epoll");
    }
}
