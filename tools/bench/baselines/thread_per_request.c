/* A thread is created for each request and ends with its reply.
 *
 *     epoll -> readable session -> new thread: serve -> watch again, end */
#include "tools/bench/baselines/model.h"
#include "tools/bench/baselines/readiness.h"

#include <err.h>
#include <stdlib.h>

struct errand {
    struct readiness *readiness;
    struct session *session;
};

static void *serve(void *argument) {
    struct errand errand = *(struct errand *)argument;
    free(argument);
    if (service_turn(errand.readiness->service, errand.session))
        readiness_watch(errand.readiness, errand.session);
    else
        service_leave(errand.session);
    return NULL;
}

static void run(struct service *service) {
    struct readiness readiness;
    readiness_open(&readiness, service);
    for (;;) {
        struct errand *errand = malloc(sizeof(*errand));
        if (!errand)
            err(1, "errand");
        *errand = (struct errand){&readiness, readiness_wait(&readiness)};
        service_thread(serve, errand);
    }
}

const struct model thread_per_request = {"thread-per-request", "a new thread for each request", run};
