#include "handlers/http/modules.h"

#include "handlers/http/builtin.h"
#include "handlers/http/title.h"
#include "handlers/rpc/sluice_rpc.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REASON 256 /* room for a sentence */

typedef void module_exit(void);

struct modules {
    struct sluice_route *routes;
    size_t routes_count;
    struct sluice_offer *offers;
    size_t offers_count;
    module_exit **exits; /* in order of loading */
    size_t exits_count;
};

/* A module while its sluice_module_init() runs. */
struct loading {
    struct sluice_module module; /* first: what it sees */
    struct modules *modules;
    char reason[REASON];
};

__attribute__((format(printf, 3, 4))) static int refuse(char *why, size_t why_size, const char *format, ...) {
    va_list values;
    va_start(values, format);
    vsnprintf(why, why_size, format, values);
    va_end(values);
    return -EINVAL;
}

static int add_route(struct modules *modules, const struct sluice_route *route, char *why, size_t why_size) {
    struct title title;
    if (!route->handler)
        return refuse(why, why_size, "a route without a handler");
    if (!route->name && !route->title)
        return refuse(why, why_size, "a route with neither name nor title");
    if (route->name && modules_handler(modules, route->name))
        return refuse(why, why_size, "handler '%s': there is one of this name already", route->name);
    if (route->title && title_parse(route->title, &title, why, why_size) != 0) {
        char reason[REASON];
        snprintf(reason, sizeof(reason), "%s", why);
        return refuse(why, why_size, "route '%s': %s", route->title, reason);
    }
    struct sluice_route *routes = reallocarray(modules->routes, modules->routes_count + 1, sizeof(*routes));
    if (!routes) {
        snprintf(why, why_size, "out of memory");
        return -ENOMEM;
    }
    modules->routes = routes;
    routes[modules->routes_count++] = *route;
    return 0;
}

struct modules *modules_new(void) {
    struct modules *modules = calloc(1, sizeof(*modules));
    char why[REASON];
    int error = modules ? 0 : -ENOMEM;
    for (const struct sluice_route *route = builtin_handlers; route->name && !error; route++)
        error = add_route(modules, route, why, sizeof(why));
    if (!error)
        return modules;
    modules_free(modules);
    return NULL;
}

void modules_free(struct modules *modules) {
    if (!modules)
        return;
    while (modules->exits_count > 0)
        modules->exits[--modules->exits_count]();
    free(modules->exits);
    free(modules->routes);
    free(modules->offers);
    free(modules);
}

const struct sluice_route *modules_handler(const struct modules *modules, const char *name) {
    for (size_t i = 0; i < modules->routes_count; i++)
        if (modules->routes[i].name && strcmp(modules->routes[i].name, name) == 0)
            return &modules->routes[i];
    return NULL;
}

const struct sluice_route *modules_route(const struct modules *modules, size_t i) {
    for (size_t at = 0; at < modules->routes_count; at++)
        if (modules->routes[at].title && i-- == 0)
            return &modules->routes[at];
    return NULL;
}

const struct sluice_offer *modules_offer(const struct modules *modules, size_t i) {
    return i < modules->offers_count ? &modules->offers[i] : NULL;
}

/* ---- loading ----------------------------------------------------------------------------------- */

/* size: of the struct as the module knows it; that of an older version is shorter than ours. */
static int on_add(struct sluice_module *module, const struct sluice_route *theirs, size_t size) {
    struct loading *loading = (struct loading *)(void *)module;
    struct sluice_route route = {0};
    memcpy(&route, theirs, size < sizeof(route) ? size : sizeof(route));
    return add_route(loading->modules, &route, loading->reason, sizeof(loading->reason)) == 0 ? 0 : -1;
}

static int add_offer(struct modules *modules, const struct sluice_offer *offer, char *why, size_t why_size) {
    if (!offer->name || !offer->handler || !offer->kinds)
        return refuse(why, why_size, "an offer without a name, a handler or kinds");
    struct sluice_offer *offers = reallocarray(modules->offers, modules->offers_count + 1, sizeof(*offers));
    if (!offers) {
        snprintf(why, why_size, "out of memory");
        return -ENOMEM;
    }
    modules->offers = offers;
    offers[modules->offers_count++] = *offer;
    return 0;
}

static int on_offer(struct sluice_module *module, const struct sluice_offer *theirs, size_t size) {
    struct loading *loading = (struct loading *)(void *)module;
    struct sluice_offer offer = {0};
    memcpy(&offer, theirs, size < sizeof(offer) ? size : sizeof(offer));
    return add_offer(loading->modules, &offer, loading->reason, sizeof(loading->reason)) == 0 ? 0 : -1;
}

static void on_fail(struct sluice_module *module, const char *reason) {
    struct loading *loading = (struct loading *)(void *)module;
    snprintf(loading->reason, sizeof(loading->reason), "%s", reason);
}

/* Finds a function of the module; ISO C has no other way from data pointers to functions. */
static void *symbol(void *object, const char *name, void *function) {
    void *found = dlsym(object, name);
    memcpy(function, &found, sizeof(found));
    return found;
}

/* Does the object say that it can work with this daemon? */
static int check_version(void *object, const char *path, char *why, size_t why_size) {
    const unsigned *version = dlsym(object, "sluice_module_version");
    if (!version)
        return refuse(why, why_size, "%s: not a module of sluiced: it has no SLUICE_MODULE", path);
    if (*version == 0 || *version > SLUICE_HANDLER_VERSION)
        return refuse(why, why_size,
                      "%s: built for version %u of sluice/handler.h, this sluiced has version %u", path,
                      *version, SLUICE_HANDLER_VERSION);
    if (!dlsym(object, "sluice_module_init"))
        return refuse(why, why_size, "%s: it has no sluice_module_init()", path);
    return 0;
}

static int init(struct modules *modules, void *object, const char *path, char *why, size_t why_size) {
    struct loading loading = {.module = {SLUICE_HANDLER_VERSION, on_add, on_fail, on_offer},
                              .modules = modules};
    int (*module_init)(struct sluice_module * module);
    module_exit *exit_function;
    symbol(object, "sluice_module_init", &module_init);
    if (module_init(&loading.module) != 0)
        return refuse(why, why_size, "%s: %s", path,
                      *loading.reason ? loading.reason : "sluice_module_init() failed");
    if (!symbol(object, "sluice_module_exit", &exit_function))
        return 0;
    module_exit **exits = reallocarray(modules->exits, modules->exits_count + 1, sizeof(*exits));
    if (!exits)
        return refuse(why, why_size, "%s: out of memory", path);
    modules->exits = exits;
    exits[modules->exits_count++] = exit_function;
    return 0;
}

int modules_load(struct modules *modules, const char *path, char *why, size_t why_size) {
    void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!object)
        return refuse(why, why_size, "%s", dlerror());
    int error = check_version(object, path, why, why_size);
    if (error) {
        dlclose(object);
        return error;
    }
    return init(modules, object, path, why, why_size);
}
