/* A named group of servers that do the same.
 *
 *     servers -> [names: looked up in the names pool, again and again] -> endpoints
 *     errand -> upstream_pick(): balanced over those that are usable and have room -> endpoint
 *            -> nobody has room, or the first look-up is under way: waits in line, at most timeout_pending -> 503
 *            -> nobody is usable                                                                           -> 503 at once */
#ifndef SLUICE_HANDLERS_GATEWAY_UPSTREAM_H
#define SLUICE_HANDLERS_GATEWAY_UPSTREAM_H

#include "handlers/gateway/budget.h"
#include "handlers/gateway/endpoint.h"
#include "handlers/gateway/errand.h"
#include "handlers/gateway/hashring.h"
#include "reactor/deadlines.h"

#define UPSTREAM_ENDPOINTS 64u /* a set of them is a 64-bit word */

struct gateway;
struct loop;

enum { SEND_PROXY_OFF, SEND_PROXY_V1, SEND_PROXY_V2 };

struct upstream_settings {
    char *name;  /* the section's title */
    char *where; /* "FILE:LINE", for messages */
#define SETTING(kind, field, initial, range, help) SETTING_TYPE_##kind field;
#include "handlers/gateway/upstream.def"
#undef SETTING
};

extern const struct settings_table upstream_settings_table;

struct upstream {
    LIST_ENTRY(upstream) link;
    struct gateway *gateway;
    struct loop *loop;
    const struct upstream_settings *settings; /* not owned */
    struct server *servers;
    size_t servers_count;
    struct dial_name *sources;
    size_t sources_count, next_source;
    TAILQ_HEAD(endpoints, endpoint) endpoints;
    size_t count;     /* of them */
    uint64_t numbers; /* of endpoints, in use */
    struct errand_line waiting;
    unsigned waiting_count; /* in the lines of routes, too */
    struct hashring ring;   /* balance = hash */
    bool ring_stale;        /* servers came, went or changed their weight */
    bool serving;           /* inside upstream_serve() */
    struct deadline_class connect, pending, first_byte, idle, total, upgraded, tunnel, proxy_header;
    struct deadline_class check;
    struct breaker_rule breaker;
    int check_from, check_to; /* healthy statuses */
    struct budget budget;
    double looked, judged, logged; /* when names were looked up, outliers judged, the log written */
    unsigned lookups;              /* under way */
};

/* Checks what settings say, from *step on (0 at first), up to the next mistake, behind which *step is then. 0: there is
 * none, or -EINVAL with a sentence. */
int upstream_check(const struct upstream_settings *settings, size_t *step, char *why, size_t why_size);
/* settings must stay. 0 or -errno with a sentence. */
int upstream_new(struct gateway *gateway, const struct upstream_settings *settings, char *why,
                 size_t why_size);
/* Closes what is idle; nobody is served any more. */
void upstream_close(struct upstream *upstream);
void upstream_free(struct upstream *upstream);
/* Four times a second. */
void upstream_tick(struct upstream *upstream, double now);

enum upstream_answer { UPSTREAM_PICKED, UPSTREAM_FULL, UPSTREAM_DOWN };

/* The server for an errand, if possible none of those it has tried. FULL: where connections at rest are all that is in
 * its way, one of them ends. */
enum upstream_answer upstream_pick(struct upstream *upstream, const struct errand *errand,
                                   struct endpoint **out);
/* Room has come up: those who wait go on. */
void upstream_serve(struct upstream *upstream);
/* Where a TCP connection to this family starts from; NULL: anywhere. */
const struct dial_name *upstream_source(struct upstream *upstream, int family);
struct endpoint *upstream_find(struct upstream *upstream, struct span text);

#endif
