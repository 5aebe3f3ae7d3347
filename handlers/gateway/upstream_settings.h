/* The settings of an upstream: its section of the configuration, parsed and checked. */
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

/* Checks the settings from step *step on (0 at first) up to the next mistake; *step then is the step after it. 0: no
 * further mistake; or -EINVAL with a sentence in why. */
int upstream_check(const struct upstream_settings *settings, size_t *step, char *why, size_t why_size);
/* The same, and fills in the upstream's servers, source addresses and good statuses of a check, which the upstream has
 * to free whatever is returned. 0, -EINVAL or -ENOMEM. */
int upstream_parse(struct upstream *upstream, size_t *step, char *why, size_t why_size);

#endif
