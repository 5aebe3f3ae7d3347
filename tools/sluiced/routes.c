#include "tools/sluiced/routes.h"

#include "handlers/http/dispatch.h"
#include "handlers/http/builtin.h"
#include "handlers/http/modules.h"
#include "handlers/http/router.h"
#include "handlers/http/title.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

void routes_check_section(const void *element, struct problems *problems) {
    const struct route_config *route = element;
    struct title title;
    char why[CONFIG_WHY];
    if (title_parse(route->title, &title, why, sizeof why) != 0)
        problems_add(problems, route->where, "route '%s': %s", route->title, why);
    bool ours = route_is_ours(&route->gateway), takes = route->ack != ROUTE_ACK_OWN;
    if (!route->handler[0] && !ours && !takes)
        problems_add(problems, route->where, "route '%s': handler or upstream is missing", route->title);
    if ((route->handler[0] != 0) + ours + takes > 1)
        problems_add(problems, route->where, "route '%s': a handler and something else cannot both answer",
                     route->title);
    if ((ours || takes) && route->mode != ROUTE_OWN)
        problems_add(problems, route->where, "route '%s': mode: only a handler runs somewhere", route->title);
    if (ours && route->body_limit > 0)
        problems_add(problems, route->where,
                     "route '%s': body_limit is for handlers; proxy_body limits what an upstream gets",
                     route->title);
    size_t step = 0;
    while (route_check(&route->gateway, &step, why, sizeof why) != 0)
        problems_add(problems, route->where, "route '%s': %s", route->title, why);
}

/* The handler as the section wants it; false if there is none of its name. */
static bool route_of(const struct daemon_config *config, const struct route_config *section,
                     struct sluice_route *out) {
    static const enum sluice_run runs[] = {[ROUTE_INLINE] = SLUICE_RUN_INLINE,
                                           [ROUTE_WORKER] = SLUICE_RUN_WORKER,
                                           [ROUTE_AUTO] = SLUICE_RUN_AUTO};
    const struct sluice_route *handler = modules_handler(config->modules, section->handler);
    if (!handler)
        return false;
    *out = *handler;
    out->title = section->title;
    if (section->mode != ROUTE_OWN)
        out->run = runs[section->mode];
    if (section->body_limit > 0)
        out->body_limit = section->body_limit;
    return true;
}

/* ---- modules ----------------------------------------------------------------------------------- */

/* A name without a slash is that of a file beside the configuration file, or in the working directory. */
static void module_path(const char *word, size_t n, const char *where, char *path, size_t size) {
    const char *slash = where[0] == '-' ? NULL : strrchr(where, '/');
    if (memchr(word, '/', n))
        snprintf(path, size, "%.*s", (int)n, word);
    else if (slash)
        snprintf(path, size, "%.*s/%.*s", (int)(slash - where), where, (int)n, word);
    else
        snprintf(path, size, "./%.*s", (int)n, word);
}

static void load_modules(struct daemon_config *config, struct problems *problems) {
    const char *where = config_where(config, "modules");
    char path[PATH_MAX], why[CONFIG_WHY];
    const char *list = config->http.modules;
    for (struct span word; setting_next_word(&list, ',', &word);) {
        module_path(word.p, word.n, where, path, sizeof path);
        if (modules_load(config->modules, path, why, sizeof why) != 0)
            problems_add(problems, where, "%s%s", where[0] == '-' ? "" : "modules: ", why);
    }
}

/* ---- routes ------------------------------------------------------------------------------------ */

static void try_title(struct router *router, const char *title, const char *where,
                      struct problems *problems) {
    static const struct http_handler anybody;
    char why[CONFIG_WHY];
    if (router_add(router, title, &anybody, why, sizeof why) != 0)
        problems_add(problems, where, "route '%s': %s", title, why);
}

static bool has_upstream(const struct daemon_config *config, const char *name) {
    for (size_t i = 0; i < config->upstreams_count; i++)
        if (strcmp(config->upstreams[i].name, name) == 0)
            return true;
    return false;
}

static void check_routes(const struct daemon_config *config, struct problems *problems) {
    struct router router = {0};
    const struct sluice_route *route;
    struct sluice_route found;
    struct title parsed;
    char why[CONFIG_WHY];
    for (route = builtin_demo_routes; config->http.demo_routes && route->title; route++)
        try_title(&router, route->title, config_where(config, "demo_routes"), problems);
    for (size_t i = 0; (route = modules_route(config->modules, i)); i++)
        try_title(&router, route->title, config_where(config, "modules"), problems);
    for (size_t i = 0; i < config->routes_count; i++) {
        const struct route_config *section = &config->routes[i];
        if (section->handler[0] && !route_of(config, section, &found))
            problems_add(problems, section->where, "route '%s': no handler '%s'", section->title,
                         section->handler);
        if (section->gateway.upstream[0] && !has_upstream(config, section->gateway.upstream))
            problems_add(problems, section->where, "route '%s': no upstream '%s'", section->title,
                         section->gateway.upstream);
        if (section->ack != ROUTE_ACK_OWN && config->ingests_count == 0)
            problems_add(problems, section->where, "route '%s': ack: there is no ingest section",
                         section->title);
        if (title_parse(section->title, &parsed, why, sizeof why) == 0) /* else it was told already */
            try_title(&router, section->title, section->where, problems);
    }
    router_free(&router);
}

static void check_tunnels(const struct daemon_config *config, struct problems *problems) {
    for (size_t i = 0; i < config->tunnels_count; i++) {
        const struct tunnel_settings *tunnel = &config->tunnels[i];
        if (tunnel->upstream[0] && !has_upstream(config, tunnel->upstream))
            problems_add(problems, tunnel->listen.where, "tunnel '%s': no upstream '%s'",
                         tunnel->listen.address, tunnel->upstream);
    }
}

unsigned routes_check(struct daemon_config *config, FILE *messages) {
    struct problems problems = {.out = messages};
    config->modules = modules_new();
    if (!config->modules) {
        problems_add(&problems, "--modules", "out of memory");
        return problems.count;
    }
    load_modules(config, &problems);
    check_routes(config, &problems);
    check_tunnels(config, &problems);
    return problems.count;
}

int routes_serve(const struct daemon_config *config, struct dispatch *dispatch, char *why, size_t why_size) {
    const struct sluice_route *route;
    int error = 0;
    for (size_t i = 0; !error && (route = modules_route(config->modules, i)); i++)
        error = dispatch_add(dispatch, route, why, why_size);
    for (size_t i = 0; !error && i < config->routes_count; i++) {
        struct sluice_route wanted;
        if (route_is_ours(&config->routes[i].gateway) || config->routes[i].ack != ROUTE_ACK_OWN)
            continue; /* the gateway's, or ingestion's */
        snprintf(why, why_size, "no handler '%s'", config->routes[i].handler);
        error = route_of(config, &config->routes[i], &wanted) ? dispatch_add(dispatch, &wanted, why, why_size)
                                                              : -ENOENT;
    }
    return error;
}
