/* The load as all workers see it, made before they start and constant from then on. */
#ifndef SLUICE_BENCH_PLAN_H
#define SLUICE_BENCH_PLAN_H

#include "reactor/dial.h"
#include "tools/bench/keys.h"
#include "tools/bench/settings.h"

#include <sys/socket.h>

struct dialect;

struct plan {
    const struct bench_settings *settings;
    const struct dialect *dialect;
    struct keys keys;
    struct dial_name *servers, *sources; /* owned */
    unsigned servers_count, sources_count;
    struct span body;      /* --body; owned */
    struct span *requests; /* by key, as the dialect wrote them; owned */
};

/* Resolves addresses, loads keys and the body, has the dialect write its requests. 0, or -errno with a sentence. */
int plan_make(struct plan *plan, const struct bench_settings *settings, char *why, size_t why_size);
void plan_free(struct plan *plan);

#endif
