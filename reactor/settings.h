/* The reactor's settings: options.def for the loop, listen.def for each listener. */
#ifndef SLUICE_REACTOR_SETTINGS_H
#define SLUICE_REACTOR_SETTINGS_H

#include "offload/declare.h"

#define REACTOR_RESERVE 32 /* descriptors kept free for uses that are not counted, like a name look-up */

enum { REAP_TURN, REAP_EVENTFD };
enum { LISTEN_ADMIN_AUTO, LISTEN_ADMIN_YES, LISTEN_ADMIN_NO };

struct reactor_settings {
#define SETTING(kind, field, initial, range, help) SETTING_TYPE_##kind field;
#include "reactor/options.def"
#undef SETTING
};

struct listen_settings {
    char *address; /* the section's title */
    char *where;   /* "FILE:LINE" or "--listen", for messages */
#define SETTING(kind, field, initial, range, help) SETTING_TYPE_##kind field;
#include "reactor/listen.def"
#undef SETTING
};

extern const struct settings_table reactor_settings_table;
extern const struct settings_table listen_settings_table;

/* Replaces 0 = auto by what it means under a limit of nofile descriptors. fixed: descriptors that
 * pools, ring, pipes, listeners and libraries need. 0, or -EMFILE with the arithmetic in why. */
int reactor_resolve(struct reactor_settings *settings, long nofile, long fixed, char *why, size_t why_size);

#endif
