#include "handlers/gateway/names.h"

#include "handlers/gateway/server.h"
#include "handlers/gateway/upstream.h"
#include "reactor/loop.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A look-up, on its way to the pool's thread and back. */
struct lookup {
    char host[ADDRESS_HOST];
    uint16_t port;
    const struct server *server;
    void (*done)(struct upstream *upstream, const struct server *server, const struct names_found *found);
    struct names_found found;
};

static void run(struct job *job) {
    struct lookup *lookup = job->call.argument;
    struct names_found *found = &lookup->found;
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG},
                    *list;
    char port[8];
    snprintf(port, sizeof(port), "%u", lookup->port);
    found->error = getaddrinfo(lookup->host, port, &hints, &list);
    if (found->error)
        return;
    for (const struct addrinfo *i = list; i; i = i->ai_next) {
        if (found->count == NAMES_MOST) {
            found->left_out++;
            continue;
        }
        struct dial_name *name = &found->list[found->count++];
        memcpy(&name->address, i->ai_addr, i->ai_addrlen);
        name->length = i->ai_addrlen;
    }
    freeaddrinfo(list);
}

static void finished(struct job *job) {
    struct lookup *lookup = job->call.argument;
    struct upstream *upstream = job->context;
    upstream->lookups--;
    if (job->error)
        lookup->found.error = EAI_SYSTEM; /* cancelled before it ran */
    lookup->done(upstream, lookup->server, &lookup->found);
    free(lookup);
}

bool names_look_up(struct upstream *upstream, const struct server *server,
                   void (*done)(struct upstream *upstream, const struct server *server,
                                const struct names_found *found)) {
    struct job *job = offload_job(upstream->loop->offload, JOB_CALL, JOB_POOL_NAMES);
    struct lookup *lookup = calloc(1, sizeof(*lookup));
    if (!job || !lookup) {
        if (job)
            offload_release(upstream->loop->offload, job);
        free(lookup);
        return false;
    }
    memcpy(lookup->host, server->address.host, sizeof(lookup->host));
    lookup->port = server->address.port;
    lookup->server = server;
    lookup->done = done;
    upstream->lookups++;
    job->context = upstream;
    job->done = finished;
    job->call.run = run;
    job->call.argument = lookup;
    offload_submit(upstream->loop->offload, job);
    return true;
}
