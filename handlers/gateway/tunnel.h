/* L4 tunnels: every connection of a listener is passed on to a server of an upstream, byte for byte.
 *
 *     client --near-- [relay] --far-- server        two streams tied together; half-close is kept
 *
 * No buffer while nothing is on its way: less than 1 KiB of memory a pair. One log line at the end of each. */
#ifndef SLUICE_HANDLERS_GATEWAY_TUNNEL_H
#define SLUICE_HANDLERS_GATEWAY_TUNNEL_H

#include "reactor/settings.h"

#include <sys/queue.h>

struct gateway;
struct pair;
struct upstream;

struct tunnel_settings {
    struct listen_settings listen; /* first: title and place */
#define SETTING(kind, field, initial, range, help) SETTING_TYPE_##kind field;
#include "handlers/gateway/tunnel.def"
#undef SETTING
};

extern const struct settings_table tunnel_settings_table;

struct tunnel {
    LIST_ENTRY(tunnel) link;
    struct gateway *gateway;
    struct upstream *upstream;
    const struct tunnel_settings *settings;
    LIST_HEAD(, pair) pairs;
};

/* Checks what settings say but for the upstream's existence, from *step on (0 at first), up to the next mistake, behind
 * which *step is then. 0: there is none, or -EINVAL with a sentence. */
int tunnel_check(const struct tunnel_settings *settings, size_t *step, char *why, size_t why_size);
/* Listens. settings must stay. 0 or -errno with a sentence. */
int tunnel_open(struct gateway *gateway, const struct tunnel_settings *settings, char *why, size_t why_size);
/* Cuts what is open. */
void tunnel_close(struct tunnel *tunnel);
void tunnel_free(struct tunnel *tunnel);
/* The deadline of an upstream's tunnels. */
void tunnel_deadlines(struct upstream *upstream);

#endif
