/* Routes: which handler answers a method, host and path.
 *
 *     title: [METHOD or *] [HOST]/PATH        "GET /fib/:n"   "POST api.example/v1/:id"   "/api/" with a star
 *     order: a literal segment before :param before the star, longer before shorter, with a host before without
 *
 *     router -> site a host -> tree of segments:  "" -- fib -- :param [GET]
 *                                                  \--- api -- [star]
 *
 * A look-up goes down the tree once, whatever the number of routes, and back up only where a literal led nowhere. A
 * star at the end of a path matches everything below its last slash, including nothing; its value is the parameter "*".
 * A :param matches one non-empty segment. Values are passed on still percent-encoded. */
#ifndef SLUICE_HANDLERS_HTTP_ROUTER_H
#define SLUICE_HANDLERS_HTTP_ROUTER_H

#include "reactor/http1_front.h"

#define ROUTER_ANY_METHOD (((1u << HTTP1_METHODS) - 1) & ~(1u << HTTP1_CONNECT))

struct route_site;

/* Empty when zeroed. */
struct router {
    struct route_site *sites; /* owned; those with a host first */
    unsigned methods;         /* that any route has, a bit each */
};

enum router_result {
    ROUTER_FOUND,
    ROUTER_NO_PATH,   /* 404 */
    ROUTER_NO_METHOD, /* 405: *methods says which there are */
};

/* Adds a route for a handler (not owned; must stay valid). 0; -EINVAL with a reason: the title is malformed; -EEXIST
 * with a reason: it is taken; -ENOMEM. */
int router_add(struct router *router, const char *title, const struct http_handler *handler, char *why,
               size_t why_size);
void router_free(struct router *router);
/* Finds the handler for the exchange's method, host and path; fills in its params. A route for GET answers HEAD too
 * unless there is one for HEAD. *methods: those that this path has, a bit per enum http1_method. */
enum router_result router_find(const struct router *router, struct exchange *exchange,
                               const struct http_handler **handler, unsigned *methods);

#endif
