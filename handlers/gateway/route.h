/* A route that leads to an upstream, or answers by itself: transforms, limits, counters.
 *
 *     exchange -> handler.run() -> redirect | fixed answer | breaker open or too many: fallback | proxy */
#ifndef SLUICE_HANDLERS_GATEWAY_ROUTE_H
#define SLUICE_HANDLERS_GATEWAY_ROUTE_H

#include "handlers/gateway/breaker.h"
#include "handlers/gateway/checkout.h"
#include "handlers/gateway/transforms.h"
#include "offload/declare.h"
#include "reactor/http1_front.h"

#include <sys/queue.h>

struct gateway;
struct upstream;

enum { FORWARDED_X, FORWARDED_RFC7239, FORWARDED_BOTH, FORWARDED_OFF };

struct route_settings {
#define SETTING(kind, field, initial, range, help) SETTING_TYPE_##kind field;
#include "handlers/gateway/route.def"
#undef SETTING
};

struct route_stats {
#define COUNTER(kind, field, help) COUNTER_TYPE_##kind field;
#include "handlers/gateway/route_stats.def"
#undef COUNTER
};

extern const struct counter route_counters[];
extern const size_t route_counters_count;

struct route {
    struct http_handler handler; /* handler.context is this struct */
    LIST_ENTRY(route) link;
    struct gateway *gateway;
    struct upstream *upstream;             /* NULL: it answers by itself */
    const struct route_settings *settings; /* not owned */
    const char *title;
    struct span strip, add;
    struct transforms request, response;
    struct breaker_rule rule;
    struct breaker breaker;
    struct checkout_quota quota;
    struct route_stats stats;
    char labels[512]; /* for Prometheus */
};

/* True if the route is the gateway's: it names an upstream, a redirect or a fixed answer. */
bool route_is_ours(const struct route_settings *settings);
/* Checks the settings, except whether the upstream exists, from step *step on (0 at first) up to the next mistake;
 * *step then is the step after it. 0: no further mistake; or -EINVAL with a sentence in why. */
int route_check(const struct route_settings *settings, size_t *step, char *why, size_t why_size);
/* Makes a route that is not yet in any table. settings and title must stay valid. 0, or -errno with a sentence in
 * why. */
int route_new(struct gateway *gateway, const struct route_settings *settings, const char *title,
              struct route **out, char *why, size_t why_size);
void route_free(struct route *route);
/* Sends the route's fallback answer. */
void route_fallback(struct route *route, struct request *request, const char *reason);
/* A request goes on to the upstream, past the route's breaker, which has admitted it. Returns the breaker's epoch. */
unsigned route_enter(struct route *route);
/* The head of an answer with this status has come. */
void route_answered(struct route *route, unsigned epoch, int status);
/* A request is over. status: of its answer, 0 if there was none or it was cut; ns: how long it took. */
void route_book(struct route *route, unsigned epoch, int status, bool good, int64_t ns);

#endif
