/* The daemon's configuration: all floors' and families' settings, and the sections of the file.
 *
 *     defaults -> configuration file -> command line -> struct daemon_config -> checks -> resolve -> floors
 *
 * Owns every text in it. */
#ifndef SLUICE_TOOLS_CONFIG_H
#define SLUICE_TOOLS_CONFIG_H

#include "handlers/gateway/route.h"
#include "handlers/gateway/tunnel.h"
#include "handlers/gateway/upstream.h"
#include "handlers/http/http.h"
#include "handlers/ingest/settings.h"
#include "handlers/mcp/mcp.h"
#include "handlers/objects/objects.h"
#include "handlers/rpc/rpc.h"
#include "offload/offload.h"
#include "reactor/settings.h"

#include <stdio.h>

#define CONFIG_WHY 512 /* room for a sentence */

struct modules;

struct root_config {
    char *name;  /* the section's title: first part of its keys; "": they have no prefix */
    char *where; /* "FILE:LINE" or "--root", for messages */
#define SETTING(kind, field, initial, range, help) SETTING_TYPE_##kind field;
#include "tools/sluiced/root.def"
#undef SETTING
};

enum { ROUTE_OWN, ROUTE_INLINE, ROUTE_WORKER, ROUTE_AUTO }; /* mode */
enum { ROUTE_ACK_OWN, ROUTE_ACK };                          /* ack: ROUTE_ACK + ACK_* */

struct route_config {
    char *title;
    char *where; /* "FILE:LINE" */
#define SETTING(kind, field, initial, range, help) SETTING_TYPE_##kind field;
#include "tools/sluiced/route.def"
#undef SETTING
    struct route_settings gateway; /* if an upstream answers */
};

/* Where a top-level option was set last; those that are not listed have their default. */
struct config_origin {
    const struct setting *row;
    char *where; /* "FILE:LINE" or "--name" */
};

struct daemon_config {
    struct offload_settings offload;
    struct reactor_settings reactor;
    struct objects_settings objects;
    struct http_settings http;
    struct rpc_settings rpc;
    struct mcp_settings mcp;
    struct root_config *roots;
    size_t roots_count;
    struct listen_settings *listens; /* those of the command line first */
    size_t listens_count;
    struct upstream_settings *upstreams;
    size_t upstreams_count;
    struct tunnel_settings *tunnels;
    size_t tunnels_count;
    struct route_config *routes;
    size_t routes_count;
    struct ingest_settings *ingests; /* at most one */
    size_t ingests_count;
    struct forward_settings *forwards; /* at most one */
    size_t forwards_count;
    struct modules *modules; /* loaded by the checks */
    struct config_origin *origins;
    size_t origins_count;
};

/* A settings table of top-level options and its struct's place in daemon_config. */
struct config_table {
    const struct settings_table *table;
    size_t offset;
};

/* The i-th table, NULL after the last. */
const struct config_table *config_table(size_t i);
/* The row of a top-level option, by option_find() in all tables; NULL if there is none. */
const struct setting *config_option(const char *name);

/* Fills in the defaults. 0 or -ENOMEM. */
int config_init(struct daemon_config *config);
void config_free(struct daemon_config *config);

/* Sets a top-level option; append: adds a word to a list. 0, -ENOENT if there is none of this name, or as
 * option_set(). where is copied. */
int config_set(struct daemon_config *config, const char *name, const char *text, bool append,
               const char *where, char *why, size_t why_size);
/* Where the option was set; NULL: nowhere. */
const char *config_where(const struct daemon_config *config, const char *name);

/* The connections that an upstream may have: max_connections to each of its servers. */
long config_upstream_fds(const struct upstream_settings *upstream);
/* Descriptors that are open whatever clients do: standard streams, epoll sets, eventfd, ring, pipes,
 * roots, listeners; and all that caches and upstreams may have. */
long config_fixed_fds(const struct daemon_config *config);
/* Replaces every 0 = auto by its meaning under a limit of nofile descriptors, which caches that nobody set are cut to.
 * 0, or -EMFILE with the arithmetic in why. */
int config_resolve(struct daemon_config *config, long nofile, char *why, size_t why_size);

#endif
