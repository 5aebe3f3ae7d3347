/* Resolves names of servers to addresses, in the names pool, since getaddrinfo(3) may sleep for seconds. */
#ifndef SLUICE_HANDLERS_GATEWAY_NAMES_H
#define SLUICE_HANDLERS_GATEWAY_NAMES_H

#include "reactor/dial.h"

#include <stddef.h>

#define NAMES_MOST 64u /* addresses of one name: as many as an upstream has servers */

struct server;
struct upstream;

struct names_found {
    int error; /* 0, or an EAI_ error: nothing was found */
    size_t count;
    size_t left_out; /* addresses beyond these */
    struct dial_name list[NAMES_MOST];
};

/* Starts a look-up of a server's name; done comes later, on the loop, unless the upstream was freed. False: no job is
 * free now. */
bool names_look_up(struct upstream *upstream, const struct server *server,
                   void (*done)(struct upstream *upstream, const struct server *server,
                                const struct names_found *found));

#endif
