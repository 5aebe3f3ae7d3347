/* Layer 4 tunnels: every connection of a listener is passed on to a server of an upstream, byte for byte.
 *
 *     client --near-- [relay] --far-- server        two streams tied together; half-close is kept
 *
 * While no bytes are pending there is no buffer: less than 1 KiB of memory a pair. Each pair writes a log line at its
 * end. */
#ifndef SLUICE_HANDLERS_GATEWAY_TUNNEL_H
#define SLUICE_HANDLERS_GATEWAY_TUNNEL_H

#include "reactor/settings.h"

#include <sys/queue.h>

struct gateway;
struct pair;
struct upstream;

struct tunnel_settings {
    struct listen_settings listen; /* first, since it has title and place */
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

/* Checks the settings, except whether the upstream exists, from step *step on (0 at first) up to the next mistake;
 * *step then is the step after it. 0: no further mistake; or -EINVAL with a sentence in why. */
int tunnel_check(const struct tunnel_settings *settings, size_t *step, char *why, size_t why_size);
/* Opens the tunnel's listener. settings must stay valid. 0, or -errno with a sentence in why. */
int tunnel_open(struct gateway *gateway, const struct tunnel_settings *settings, char *why, size_t why_size);
/* Cuts off open connections. */
void tunnel_close(struct tunnel *tunnel);
void tunnel_free(struct tunnel *tunnel);
/* Sets up the deadline of an upstream's tunnels. */
void tunnel_deadlines(struct upstream *upstream);

#endif
