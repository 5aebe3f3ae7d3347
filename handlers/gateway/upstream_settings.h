/* The settings of an upstream: what its section of the configuration says, parsed and checked. */
#ifndef SLUICE_HANDLERS_GATEWAY_UPSTREAM_SETTINGS_H
#define SLUICE_HANDLERS_GATEWAY_UPSTREAM_SETTINGS_H

#include "offload/declare.h"

struct upstream;

enum { SEND_PROXY_OFF, SEND_PROXY_V1, SEND_PROXY_V2 };

struct upstream_settings {
    char *name;  /* the section's title */
    char *where; /* "FILE:LINE", for messages */
#define SETTING(kind, field, initial, range, help) SETTING_TYPE_##kind field;
#include "handlers/gateway/upstream.def"
#undef SETTING
};

extern const struct settings_table upstream_settings_table;

/* Checks what settings say, from *step on (0 at first), up to the next mistake, behind which *step is then. 0: there is
 * none, or -EINVAL with a sentence. */
int upstream_check(const struct upstream_settings *settings, size_t *step, char *why, size_t why_size);
/* The same, and fills in what the upstream has of them: servers, source addresses, good statuses of a check. These are
 * the upstream's to free, whatever is returned. 0, -EINVAL or -ENOMEM. */
int upstream_parse(struct upstream *upstream, size_t *step, char *why, size_t why_size);

#endif
