/* A thread for each connection, for its whole life.
 *
 *     accept -> new thread: serve, serve, ... until the client leaves */
#include "tools/bench/baselines/model.h"

#include <err.h>
#include <stdlib.h>

struct errand {
    struct service *service;
    struct session *session;
};

static void *serve(void *argument) {
    struct errand errand = *(struct errand *)argument;
    free(argument);
    while (service_turn(errand.service, errand.session))
        ;
    service_leave(errand.session);
    return NULL;
}

static void run(struct service *service) {
    for (;;) {
        struct errand *errand = malloc(sizeof(*errand));
        if (!errand)
            err(1, "errand");
        *errand = (struct errand){service, service_accept(service)};
        service_thread(serve, errand);
    }
}

const struct model thread_per_connection = {"thread-per-connection", "a thread for each connection", run};
