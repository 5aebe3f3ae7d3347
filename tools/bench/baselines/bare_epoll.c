/* One thread and epoll, nothing else: the limit of an event loop that does the same work.
 *
 *     epoll -> readable session -> serve */
#include "tools/bench/baselines/model.h"

#include <err.h>
#include <errno.h>
#include <sys/epoll.h>

#define EVENTS 256

static void on_ready(struct service *service, int epoll, struct session *session) {
    if (session) {
        if (!service_turn(service, session))
            service_leave(session);
        return;
    }
    session = service_accept(service);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = session};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, session->fd, &event) != 0)
        err(1, "epoll");
}

static void run(struct service *service) {
    struct epoll_event events[EVENTS] = {{.events = EPOLLIN, .data.ptr = NULL}};
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, service->listener, events) != 0)
        err(1, "epoll");
    for (;;) {
        int n = epoll_wait(epoll, events, EVENTS, -1);
        if (n < 0 && errno != EINTR)
            err(1, "epoll");
        for (int i = 0; i < n; i++)
            on_ready(service, epoll, events[i].data.ptr);
    }
}

const struct model bare_epoll = {"bare-epoll", "one thread and epoll", run};
