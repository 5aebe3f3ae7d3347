#include "handlers/http/router.h"

#include "handlers/http/title.h"
#include "proto/chars.h"
#include "proto/uri.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define ANY HTTP1_OTHER /* index of the route for any method */

struct route {
    const struct http_handler *handler;
    unsigned params;
    struct span names[EXCHANGE_PARAMS]; /* in path */
    char path[];                        /* normalised */
};

/* The routes of one path, by method. */
struct route_ends {
    struct route *of[HTTP1_METHODS];
    unsigned methods; /* bits */
};

struct route_node {
    struct route_node **literals; /* sorted by compare() */
    unsigned count;
    struct route_node *param;
    struct route_ends here, below; /* the path ends at this segment; a star follows it */
    size_t n;
    char text[]; /* the segment */
};

struct route_site {
    struct route_site *next;
    struct route_node *root;
    struct span host; /* empty: any */
    char text[];
};

static struct route_node *new_node(struct span segment) {
    struct route_node *node = calloc(1, sizeof(*node) + segment.n);
    if (!node)
        return NULL;
    node->n = segment.n;
    memcpy(node->text, segment.p, segment.n);
    return node;
}

static void free_ends(struct route_ends *ends) {
    for (int i = 0; i < HTTP1_METHODS; i++)
        free(ends->of[i]);
}

static void free_node(struct route_node *node) {
    if (!node)
        return;
    for (unsigned i = 0; i < node->count; i++)
        free_node(node->literals[i]);
    free_node(node->param);
    free_ends(&node->here);
    free_ends(&node->below);
    free(node->literals);
    free(node);
}

static int compare(const struct route_node *node, struct span segment) {
    if (node->n != segment.n)
        return node->n < segment.n ? -1 : 1;
    return memcmp(node->text, segment.p, segment.n);
}

/* The index of a segment among the literals: where it is, or where it belongs. */
static unsigned literal_place(const struct route_node *node, struct span segment, bool *found) {
    unsigned low = 0, high = node->count;
    *found = false;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        int order = compare(node->literals[middle], segment);
        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* ---- adding ------------------------------------------------------------------------------------ */

static struct route_site *site_of(struct router *router, struct span host) {
    struct route_site **link = &router->sites;
    for (; *link && (*link)->host.n > 0; link = &(*link)->next)
        if (span_equal_nocase((*link)->host, host))
            return *link;
    if (*link && host.n == 0)
        return *link;
    struct route_site *site = calloc(1, sizeof(*site) + host.n);
    if (!site)
        return NULL;
    site->root = new_node(span_of("", 0));
    if (!site->root) {
        free(site);
        return NULL;
    }
    memcpy(site->text, host.p, host.n);
    site->host = span_of(site->text, host.n);
    site->next = *link;
    *link = site;
    return site;
}

static struct route_node *literal_child(struct route_node *node, struct span segment) {
    bool found;
    unsigned place = literal_place(node, segment, &found);
    if (found)
        return node->literals[place];
    struct route_node **literals = reallocarray(node->literals, node->count + 1, sizeof(struct route_node *));
    if (!literals)
        return NULL;
    node->literals = literals;
    struct route_node *child = new_node(segment);
    if (!child)
        return NULL;
    memmove(literals + place + 1, literals + place, (node->count - place) * sizeof(struct route_node *));
    literals[place] = child;
    node->count++;
    return child;
}

static struct route_node *param_child(struct route_node *node) {
    if (!node->param)
        node->param = new_node(span_of("", 0));
    return node->param;
}

/* Where the path of a route ends in the tree, which grows as necessary; fills in the names of its parameters. */
static struct route_ends *ends_of(struct route_node *node, struct span path, struct route *route) {
    enum title_segment kind;
    struct span name;
    while (node && title_next(&path, &kind, &name)) {
        if (kind != TITLE_LITERAL)
            route->names[route->params++] = name;
        if (kind == TITLE_STAR)
            return &node->below;
        node = kind == TITLE_PARAM ? param_child(node) : literal_child(node, name);
    }
    return node ? &node->here : NULL;
}

/* The route with its path made comparable. NULL with the reason. */
static struct route *new_route(const struct title *title, const struct http_handler *handler,
                               struct span *path, int *error, char *why, size_t why_size) {
    struct route *route = calloc(1, sizeof(*route) + title->path.n);
    struct span normal;
    *error = -ENOMEM;
    if (!route)
        return NULL;
    route->handler = handler;
    if (uri_normalise(title->path, route->path, title->path.n, &normal) != 0) {
        snprintf(why, why_size, "the path has a broken escape or climbs above its root");
        *error = -EINVAL;
        free(route);
        return NULL;
    }
    memmove(route->path, normal.p, normal.n);
    *path = span_of(route->path, normal.n);
    return route;
}

int router_add(struct router *router, const char *title, const struct http_handler *handler, char *why,
               size_t why_size) {
    struct title parts;
    struct span path;
    int error = title_parse(title, &parts, why, why_size);
    if (error)
        return error;
    snprintf(why, why_size, "out of memory");
    struct route *route = new_route(&parts, handler, &path, &error, why, why_size);
    if (!route)
        return error;
    struct route_site *site = site_of(router, parts.host);
    struct route_ends *ends = site ? ends_of(site->root, path, route) : NULL;
    if (!ends || ends->of[parts.method]) {
        free(route);
        if (!ends)
            return -ENOMEM;
        snprintf(why, why_size, "another route answers the same requests");
        return -EEXIST;
    }
    ends->of[parts.method] = route;
    ends->methods |= parts.method == ANY ? ROUTER_ANY_METHOD : 1u << parts.method;
    if (parts.method == HTTP1_GET)
        ends->methods |= 1u << HTTP1_HEAD;
    router->methods |= ends->methods;
    return 0;
}

void router_free(struct router *router) {
    struct route_site *site;
    while ((site = router->sites)) {
        router->sites = site->next;
        free_node(site->root);
        free(site);
    }
}

/* ---- finding ----------------------------------------------------------------------------------- */

struct search {
    enum http1_method method;
    struct span values[EXCHANGE_PARAMS];
    unsigned count;
    unsigned methods; /* of the routes for the path found so far */
};

static const struct route *pick(const struct route_ends *ends, struct search *search) {
    const struct route *route = ends->of[search->method];
    search->methods |= ends->methods;
    if (!route && search->method == HTTP1_HEAD)
        route = ends->of[HTTP1_GET];
    return route ? route : ends->of[ANY];
}

static const struct route *walk(const struct route_node *node, struct span rest, struct search *search);

/* Continues below a child with what follows the segment. */
static const struct route *enter(const struct route_node *child, struct span segment, struct span rest,
                                 struct search *search) {
    if (segment.n == rest.n)
        return pick(&child->here, search);
    return walk(child, span_of(rest.p + segment.n + 1, rest.n - segment.n - 1), search);
}

/* rest: the path after the slash behind the node. */
static const struct route *walk(const struct route_node *node, struct span rest, struct search *search) {
    const char *slash = memchr(rest.p, '/', rest.n);
    struct span segment = span_of(rest.p, slash ? (size_t)(slash - rest.p) : rest.n);
    const struct route *route = NULL;
    bool found;
    unsigned place = literal_place(node, segment, &found);
    if (found)
        route = enter(node->literals[place], segment, rest, search);
    if (!route && node->param && segment.n > 0) {
        search->values[search->count++] = segment;
        route = enter(node->param, segment, rest, search);
        if (!route)
            search->count--;
    }
    if (!route && node->below.methods) {
        route = pick(&node->below, search);
        if (route)
            search->values[search->count++] = rest;
    }
    return route;
}

enum router_result router_find(const struct router *router, struct exchange *exchange,
                               const struct http_handler **handler, unsigned *methods) {
    const struct http1_request *head = &exchange->head;
    struct search search = {.method = head->method};
    const struct route *route = NULL;
    *methods = 0;
    if (head->form == HTTP1_ASTERISK || head->form == HTTP1_AUTHORITY)
        return ROUTER_NO_PATH;
    struct span rest = span_of(exchange->path.p + 1, exchange->path.n - 1);
    for (const struct route_site *site = router->sites; site && !route; site = site->next)
        if (site->host.n == 0 || span_equal_nocase(site->host, head->host.host))
            route = walk(site->root, rest, &search);
    *methods = search.methods;
    if (!route)
        return search.methods ? ROUTER_NO_METHOD : ROUTER_NO_PATH;
    *handler = route->handler;
    exchange->params_count = route->params;
    for (unsigned i = 0; i < route->params; i++)
        exchange->params[i] = (struct exchange_param){route->names[i], search.values[i]};
    return ROUTER_FOUND;
}
