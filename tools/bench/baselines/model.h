/* A concurrency model: which thread does the shared work. One file for each. */
#ifndef SLUICE_BASELINES_MODEL_H
#define SLUICE_BASELINES_MODEL_H

#include "tools/bench/baselines/service.h"

struct model {
    const char *name, *help;
    /* Serves for ever. */
    void (*run)(struct service *service);
};

extern const struct model thread_per_request, thread_per_connection, connection_pool, request_pool,
    work_stealing, bare_epoll;

#endif
