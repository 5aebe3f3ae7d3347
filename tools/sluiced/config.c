#include "tools/sluiced/config.h"

#include "handlers/http/modules.h"
#include "tools/sluiced/options.h"
#include "tools/sluiced/sections.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Standard streams, epoll sets of the loop and of full windows, eventfd, ring, signal and timer descriptors. */
#define FIXED_FDS   16
#define CACHE_SHARE 16 /* of the limit, as a fraction */

/* A family of handlers joins by a row here and its struct in daemon_config. */
static const struct config_table tables[] = {
    {&offload_settings_table, offsetof(struct daemon_config, offload)},
    {&reactor_settings_table, offsetof(struct daemon_config, reactor)},
    {&objects_settings_table, offsetof(struct daemon_config, objects)},
    {&http_settings_table, offsetof(struct daemon_config, http)},
    {&rpc_settings_table, offsetof(struct daemon_config, rpc)},
    {&mcp_settings_table, offsetof(struct daemon_config, mcp)},
};

const struct config_table *config_table(size_t i) {
    return i < sizeof tables / sizeof *tables ? &tables[i] : NULL;
}

static void *base_of(struct daemon_config *config, const struct config_table *joined) {
    return (char *)config + joined->offset;
}

int config_init(struct daemon_config *config) {
    const struct config_table *joined;
    memset(config, 0, sizeof *config);
    for (size_t i = 0; (joined = config_table(i)); i++) {
        int error = option_defaults(joined->table, base_of(config, joined));
        if (error) {
            config_free(config);
            return error;
        }
    }
    return 0;
}

void config_free(struct daemon_config *config) {
    const struct config_table *joined;
    for (size_t i = 0; (joined = config_table(i)); i++)
        option_release(joined->table, base_of(config, joined));
    sections_release(config);
    modules_free(config->modules);
    for (size_t i = 0; i < config->origins_count; i++)
        free(config->origins[i].where);
    free(config->origins);
    memset(config, 0, sizeof *config);
}

/* The row of an option and, unless it is NULL, the table it is in. */
static const struct setting *find(const char *name, const struct config_table **in) {
    const struct config_table *joined;
    const struct setting *row = NULL;
    for (size_t i = 0; !row && (joined = config_table(i)); i++) {
        row = option_find(joined->table, name);
        if (in)
            *in = joined;
    }
    return row;
}

const struct setting *config_option(const char *name) {
    return find(name, NULL);
}

static int remember(struct daemon_config *config, const struct setting *row, const char *where) {
    char *copy = strdup(where);
    struct config_origin *origins;
    if (!copy)
        return -ENOMEM;
    for (size_t i = 0; i < config->origins_count; i++) {
        if (config->origins[i].row == row) {
            free(config->origins[i].where);
            config->origins[i].where = copy;
            return 0;
        }
    }
    origins = reallocarray(config->origins, config->origins_count + 1, sizeof *origins);
    if (!origins) {
        free(copy);
        return -ENOMEM;
    }
    origins[config->origins_count++] = (struct config_origin){row, copy};
    config->origins = origins;
    return 0;
}

int config_set(struct daemon_config *config, const char *name, const char *text, bool append,
               const char *where, char *why, size_t why_size) {
    const struct config_table *joined;
    const struct setting *row = find(name, &joined);
    if (!row)
        return -ENOENT;
    void *base = base_of(config, joined);
    int error =
        append ? option_append(row, base, text, why, why_size) : option_set(row, base, text, why, why_size);
    return error ? error : remember(config, row, where);
}

const char *config_where(const struct daemon_config *config, const char *name) {
    for (size_t i = 0; i < config->origins_count; i++)
        if (strcmp(config->origins[i].row->name, name) == 0)
            return config->origins[i].where;
    return NULL;
}

long config_upstream_fds(const struct upstream_settings *upstream) {
    long servers = 1;
    for (const char *p = upstream->servers; *p; p++)
        servers += *p == ',';
    return servers * upstream->max_connections;
}

long config_fixed_fds(const struct daemon_config *config) {
    long upstreams = 0;
    for (size_t i = 0; i < config->upstreams_count; i++)
        upstreams += config_upstream_fds(&config->upstreams[i]);
    return FIXED_FDS + 2 * config->offload.pipes + config->objects.shared_max + config->objects.hot_max +
           (long)config->roots_count + upstreams + (long)config->listens_count + (long)config->tunnels_count +
           4 * (long)(config->ingests_count + config->forwards_count);
}

/* If descriptors are scarce, a cache whose size was not set leaves them to connections. */
static void fit_cache(const struct daemon_config *config, const char *name, long *most, long nofile) {
    if (!config_where(config, name) && *most > nofile / CACHE_SHARE)
        *most = nofile / CACHE_SHARE;
}

int config_resolve(struct daemon_config *config, long nofile, char *why, size_t why_size) {
    fit_cache(config, "shared_max", &config->objects.shared_max, nofile);
    fit_cache(config, "hot_max", &config->objects.hot_max, nofile);
    int error = reactor_resolve(&config->reactor, nofile, config_fixed_fds(config), why, why_size);
    if (error)
        return error;
    offload_resolve(&config->offload, config->reactor.connections);
    if (config->reactor.bytes_connection == 0)
        config->reactor.bytes_connection = 2 * config->offload.chunk;
    return 0;
}
