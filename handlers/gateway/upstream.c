#include "handlers/gateway/upstream.h"

#include "handlers/gateway/errand.h"
#include "handlers/gateway/gateway.h"
#include "handlers/gateway/hashkey.h"
#include "handlers/gateway/health.h"
#include "handlers/gateway/names.h"
#include "proto/chars.h"
#include "proto/uri.h"
#include "reactor/container.h"
#include "reactor/loop.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>

static const struct setting upstream_rows[] = {
#define SETTING(kind, field, initial, range, help)                                                           \
    {#field, SETTING_##kind, offsetof(struct upstream_settings, field), initial, range, help},
#include "handlers/gateway/upstream.def"
#undef SETTING
};

const struct settings_table upstream_settings_table = {"upstream", upstream_rows,
                                                       sizeof(upstream_rows) / sizeof(upstream_rows[0])};

/* ---- what the section says --------------------------------------------------------------------- */

static size_t count_words(const char *list) {
    size_t count = *list != '\0';
    for (; *list; list++)
        count += *list == ',';
    return count;
}

static struct span next_word(const char **list) {
    size_t n = strcspn(*list, ",");
    struct span word = span_of(*list, n);
    *list += n + ((*list)[n] == ',');
    return word;
}

/* The name is part of UPSTREAM/ADDRESS and of Prometheus' labels. */
static int parse_name(struct upstream *upstream, char *why, size_t why_size) {
    struct span name = span_text(upstream->settings->name);
    if (name.n > 0 && char_run(name.p, name.n, CHAR_UNRESERVED) == name.n)
        return 0;
    snprintf(why, why_size, "a name is made of letters, digits, '-', '.', '_' and '~'");
    return -EINVAL;
}

static bool is_given(const struct upstream *upstream, const struct address *address) {
    char text[ADDRESS_TEXT], other[ADDRESS_TEXT];
    address_print(address, text, sizeof(text));
    for (size_t i = 0; i < upstream->servers_count; i++) {
        address_print(&upstream->servers[i].address, other, sizeof(other));
        if (strcmp(text, other) == 0)
            return true;
    }
    return false;
}

static int parse_servers(struct upstream *upstream, char *why, size_t why_size) {
    const char *rest = upstream->settings->servers;
    size_t count = count_words(rest);
    if (count == 0 || count > UPSTREAM_ENDPOINTS) {
        snprintf(why, why_size, "servers: %s", count ? "more than 64" : "none is given");
        return -EINVAL;
    }
    if (!(upstream->servers = calloc(count, sizeof(*upstream->servers))))
        return -ENOMEM;
    while (*rest) {
        char reason[400];
        struct span word = next_word(&rest);
        struct server *server = &upstream->servers[upstream->servers_count];
        if (server_parse(word, server, reason, sizeof(reason)) != 0) {
            snprintf(why, why_size, "servers: %s", reason);
            return -EINVAL;
        }
        if (is_given(upstream, &server->address)) {
            snprintf(why, why_size, "servers: '%.*s': is there already", (int)word.n, word.p);
            return -EINVAL;
        }
        upstream->servers_count++;
    }
    return 0;
}

static int parse_sources(struct upstream *upstream, char *why, size_t why_size) {
    const char *rest = upstream->settings->source;
    size_t count = count_words(rest);
    if (count > 0 && !(upstream->sources = calloc(count, sizeof(*upstream->sources))))
        return -ENOMEM;
    while (*rest) {
        char reason[400];
        struct span word = next_word(&rest);
        if (server_parse_source(word, &upstream->sources[upstream->sources_count++], reason,
                                sizeof(reason)) != 0) {
            snprintf(why, why_size, "source: %s", reason);
            return -EINVAL;
        }
    }
    return 0;
}

static bool is_status(struct span text, int *out) {
    uint64_t number = 0;
    bool good = text.n == 3 && span_number(text, 599, &number) == 0 && number >= 100;
    *out = (int)number;
    return good;
}

static int parse_check(struct upstream *upstream, char *why, size_t why_size) {
    const struct upstream_settings *settings = upstream->settings;
    struct span text = span_text(settings->check_status), path = span_text(settings->check_path);
    const char *dash = strchr(settings->check_status, '-');
    struct span from = dash ? span_of(text.p, (size_t)(dash - text.p)) : text;
    struct span to = dash ? span_text(dash + 1) : text;
    struct uri_authority host;
    if (!is_status(from, &upstream->check_from) || !is_status(to, &upstream->check_to) ||
        upstream->check_from > upstream->check_to) {
        snprintf(why, why_size, "check_status: '%s' is no status like 200 nor a range like 200-299",
                 settings->check_status);
        return -EINVAL;
    }
    if (path.n == 0 || path.p[0] != '/' || char_run(path.p, path.n, CHAR_TARGET) != path.n) {
        snprintf(why, why_size, "check_path: '%s' is not a path", settings->check_path);
        return -EINVAL;
    }
    if (*settings->check_host && uri_authority_decode(span_text(settings->check_host), &host) != 0) {
        snprintf(why, why_size, "check_host: '%s' is not a host, with or without a port",
                 settings->check_host);
        return -EINVAL;
    }
    return 0;
}

static int parse_pool(struct upstream *upstream, char *why, size_t why_size) {
    const struct upstream_settings *settings = upstream->settings;
    if (settings->min_idle <= settings->max_idle && settings->min_idle <= settings->max_connections)
        return 0;
    snprintf(why, why_size, "min_idle: more than max_idle or max_connections");
    return -EINVAL;
}

static int parse_balance(struct upstream *upstream, char *why, size_t why_size) {
    const struct upstream_settings *settings = upstream->settings;
    if (hashkey_is_good(settings->hash_key))
        return 0;
    snprintf(why, why_size, "hash_key: '%s' is not source, path, uri, header:NAME nor cookie:NAME",
             settings->hash_key);
    return -EINVAL;
}

static int (*const parsers[])(struct upstream *upstream, char *why, size_t why_size) = {
    parse_name, parse_servers, parse_sources, parse_pool, parse_balance, parse_check};

static int parse(struct upstream *upstream, size_t *step, char *why, size_t why_size) {
    int error = 0;
    while (!error && *step < sizeof(parsers) / sizeof(parsers[0]))
        error = parsers[(*step)++](upstream, why, why_size);
    return error;
}

int upstream_check(const struct upstream_settings *settings, size_t *step, char *why, size_t why_size) {
    struct upstream upstream = {.settings = settings};
    snprintf(why, why_size, "out of memory");
    int error = parse(&upstream, step, why, why_size);
    free(upstream.servers);
    free(upstream.sources);
    return error;
}

/* ---- names ------------------------------------------------------------------------------------- */

static bool same_name(const struct dial_name *a, const struct dial_name *b) {
    return a->length == b->length && memcmp(&a->address, &b->address, a->length) == 0;
}

static struct endpoint *endpoint_at(struct upstream *upstream, const struct server *server,
                                    const struct dial_name *name) {
    struct endpoint *endpoint;
    TAILQ_FOREACH (endpoint, &upstream->endpoints, link)
        if (endpoint->server == server && same_name(&endpoint->name, name))
            return endpoint;
    return NULL;
}

static bool is_found(const struct names_found *found, const struct dial_name *name) {
    for (size_t i = 0; i < found->count; i++)
        if (same_name(&found->list[i], name))
            return true;
    return false;
}

/* New addresses join, old ones retire, the others keep their connections and what is known about them. */
static void looked_up(struct upstream *upstream, const struct server *server,
                      const struct names_found *found) {
    struct gateway *gateway = upstream->gateway;
    struct endpoint *endpoint;
    gateway->stats.resolved++;
    if (found->error || upstream->loop->state == LOOP_STOPPED) {
        gateway->stats.resolve_failures++;
        log_warn(upstream->loop->log, "name not found", log_text("upstream", upstream->settings->name),
                 log_text("name", server->address.host), log_text("error", gai_strerror(found->error)));
        upstream_serve(upstream); /* those who waited for it */
        return;
    }
    for (size_t i = 0; i < found->count; i++) {
        endpoint = endpoint_at(upstream, server, &found->list[i]);
        if (!endpoint)
            endpoint_new(upstream, server, &found->list[i]);
        else if (endpoint->gone)
            endpoint_revive(endpoint);
    }
    TAILQ_FOREACH (endpoint, &upstream->endpoints, link)
        if (endpoint->server == server && !endpoint->gone && !is_found(found, &endpoint->name))
            endpoint_retire(endpoint);
    upstream_serve(upstream);
}

static void look_up(struct upstream *upstream, double now) {
    upstream->looked = now;
    for (size_t i = 0; i < upstream->servers_count; i++)
        if (upstream->servers[i].named)
            names_look_up(upstream, &upstream->servers[i], looked_up);
}

/* ---- life -------------------------------------------------------------------------------------- */

static void start_deadlines(struct upstream *upstream) {
    const struct upstream_settings *settings = upstream->settings;
    struct loop *loop = upstream->loop;
    dial_deadline_init(loop, &upstream->connect, settings->timeout_connect);
    deadlines_add(&loop->deadlines, &upstream->pending, settings->timeout_pending, errand_late);
    gateway_deadlines(upstream);
}

int upstream_new(struct gateway *gateway, const struct upstream_settings *settings, char *why,
                 size_t why_size) {
    struct upstream *upstream = calloc(1, sizeof(*upstream));
    if (!upstream)
        return -ENOMEM;
    upstream->gateway = gateway;
    upstream->loop = gateway->loop;
    upstream->settings = settings;
    TAILQ_INIT(&upstream->endpoints);
    TAILQ_INIT(&upstream->waiting);
    LIST_INSERT_HEAD(&gateway->upstreams, upstream, link);
    size_t step = 0;
    int error = parse(upstream, &step, why, why_size);
    if (error)
        return error;
    upstream->breaker = (struct breaker_rule){settings->breaker_ratio, settings->breaker_least,
                                              settings->breaker_window, settings->breaker_open};
    start_deadlines(upstream);
    for (size_t i = 0; i < upstream->servers_count; i++)
        if (!upstream->servers[i].named &&
            !endpoint_new(upstream, &upstream->servers[i], &upstream->servers[i].name))
            return -ENOMEM;
    double now = loop_now(upstream->loop);
    upstream->judged = upstream->logged = now;
    look_up(upstream, now);
    return 0;
}

void upstream_close(struct upstream *upstream) {
    struct endpoint *endpoint;
    TAILQ_FOREACH (endpoint, &upstream->endpoints, link) {
        endpoint_empty(endpoint);
        health_free(endpoint->health);
        endpoint->health = NULL;
    }
}

void upstream_free(struct upstream *upstream) {
    struct endpoint *endpoint;
    while ((endpoint = TAILQ_FIRST(&upstream->endpoints)))
        endpoint_free(endpoint);
    free(upstream->servers);
    free(upstream->sources);
    hashring_free(&upstream->ring);
    LIST_REMOVE(upstream, link);
    free(upstream);
}

/* ---- each quarter of a second ------------------------------------------------------------------ */

static void judge(struct upstream *upstream) {
    struct outlier *all[UPSTREAM_ENDPOINTS];
    struct endpoint *endpoint;
    size_t count = 0;
    TAILQ_FOREACH (endpoint, &upstream->endpoints, link)
        all[count++] = &endpoint->outlier;
    double threshold = outlier_threshold(all, count);
    TAILQ_FOREACH (endpoint, &upstream->endpoints, link)
        endpoint_judge(endpoint, threshold);
}

/* What the pool did since the last line. */
static void log_pool(struct upstream *upstream, struct endpoint *endpoint) {
    const struct endpoint_stats *now = &endpoint->stats, *before = &endpoint->logged;
    uint64_t hits = now->hits - before->hits, misses = now->misses - before->misses;
    char rate[16];
    if (hits + misses > 0) {
        snprintf(rate, sizeof(rate), "%.4f", (double)hits / (double)(hits + misses));
        log_info(upstream->loop->log, "pool", log_text("upstream", upstream->settings->name),
                 log_text("server", endpoint->text), log_number("hits", (int64_t)hits),
                 log_number("misses", (int64_t)misses), log_text("hit_rate", rate),
                 log_number("health_fails", (int64_t)(now->health_fails - before->health_fails)),
                 log_number("pool_full_closes", (int64_t)(now->pool_full_closes - before->pool_full_closes)),
                 log_number("active", endpoint->node.active), log_number("idle", endpoint->idle_count),
                 log_number("limit", upstream->settings->max_connections));
    }
    endpoint->logged = *now;
}

static void bury_retired(struct upstream *upstream) {
    struct endpoint *endpoint, *following;
    for (endpoint = TAILQ_FIRST(&upstream->endpoints); endpoint; endpoint = following) {
        following = TAILQ_NEXT(endpoint, link);
        if (endpoint_is_over(endpoint))
            endpoint_free(endpoint);
    }
}

void upstream_tick(struct upstream *upstream, double now) {
    const struct upstream_settings *settings = upstream->settings;
    struct endpoint *endpoint;
    bury_retired(upstream);
    bool log = settings->log_interval > 0 && now - upstream->logged >= settings->log_interval;
    if (now - upstream->judged >= settings->outlier_interval) {
        upstream->judged = now;
        judge(upstream);
    }
    if (settings->resolve > 0 && now - upstream->looked >= settings->resolve && upstream->lookups == 0)
        look_up(upstream, now);
    TAILQ_FOREACH (endpoint, &upstream->endpoints, link) {
        endpoint_sweep(endpoint, now);
        if (endpoint->health)
            health_tick(endpoint->health, now);
        if (log)
            log_pool(upstream, endpoint);
    }
    if (log)
        upstream->logged = now;
    upstream_serve(upstream); /* an open breaker may let somebody through again */
}

/* ---- choosing ---------------------------------------------------------------------------------- */

struct choice {
    struct balance_node *nodes[UPSTREAM_ENDPOINTS];
    size_t count;
    bool full;                /* there are others, without room */
    bool pooled;              /* an idle connection is room */
    struct endpoint *resting; /* one of those without room, with connections at rest */
};

static void choose(struct upstream *upstream, uint64_t tried, bool backup, bool panic, struct choice *out) {
    struct endpoint *endpoint;
    TAILQ_FOREACH (endpoint, &upstream->endpoints, link) {
        if (endpoint->server->backup != backup || tried >> endpoint->number & 1)
            continue;
        if (panic ? !endpoint_serves(endpoint) ||
                        !breaker_admits(&endpoint->breaker, &upstream->breaker, loop_now(upstream->loop))
                  : !endpoint_usable(endpoint))
            continue;
        if (endpoint_has_room(endpoint, out->pooled)) {
            out->nodes[out->count++] = &endpoint->node;
            continue;
        }
        out->full = true;
        if (endpoint->idle_count > 0)
            out->resting = endpoint;
    }
}

/* Slow start scales weights down, so they are counted in thousandths. What latency needs to know is brought up to
 * date. */
static void prepare(const struct upstream *upstream, struct endpoint *endpoint, double now) {
    const struct upstream_settings *settings = upstream->settings;
    struct balance_node *node = &endpoint->node;
    node->latency = latency_now(&endpoint->latency, now);
    node->weight = endpoint->weight;
    if (settings->slow_start <= 0)
        return;
    double share =
        balance_slow_start((double)endpoint->weight * 1000, now - endpoint->since, settings->slow_start,
                           (double)settings->slow_start_aggression, (double)settings->slow_start_least);
    node->weight = share > 1 ? (long)share : 1;
}

static struct endpoint *endpoint_of_node(struct balance_node *node) {
    return CONTAINER_OF(node, struct endpoint, node);
}

/* Brings the ring up to date. Without memory the one before goes on. */
static void fill_ring(struct upstream *upstream) {
    struct hashring_server servers[UPSTREAM_ENDPOINTS];
    const struct endpoint *endpoint;
    size_t count = 0;
    TAILQ_FOREACH (endpoint, &upstream->endpoints, link)
        if (!endpoint->gone && endpoint->weight > 0)
            servers[count++] = (struct hashring_server){endpoint->text, endpoint->weight, endpoint->number};
    upstream->ring_stale = hashring_fill(&upstream->ring, servers, count) != 0;
}

static struct endpoint *pick_by_key(struct upstream *upstream, const struct choice *choice, uint64_t key) {
    uint64_t usable = 0;
    if (upstream->ring_stale)
        fill_ring(upstream);
    for (size_t i = 0; i < choice->count; i++)
        usable |= UINT64_C(1) << endpoint_of_node(choice->nodes[i])->number;
    int number = hashring_find(&upstream->ring, key, usable);
    for (size_t i = 0; i < choice->count; i++)
        if ((int)endpoint_of_node(choice->nodes[i])->number == number)
            return endpoint_of_node(choice->nodes[i]);
    return endpoint_of_node(choice->nodes[0]);
}

/* In this order: servers, then backups; those not tried yet, then any; those not ejected, then any. */
enum upstream_answer upstream_pick(struct upstream *upstream, const struct errand *errand,
                                   struct endpoint **out) {
    struct choice choice = {.pooled = errand->wish.pooled};
    uint64_t tried = errand->tried;
    enum balance_method method = (enum balance_method)upstream->settings->balance;
    for (int round = tried ? 0 : 1; round < 3 && choice.count == 0 && !choice.full; round++)
        for (int backup = 0; backup < 2 && choice.count == 0 && !choice.full; backup++)
            choose(upstream, round == 0 ? tried : 0, backup, round == 2, &choice);
    bool unknown = upstream->count == 0 && upstream->lookups > 0; /* the first look-up is under way */
    if (choice.count == 0 && choice.resting)
        endpoint_make_room(choice.resting);
    if (choice.count == 0)
        return choice.full || unknown ? UPSTREAM_FULL : UPSTREAM_DOWN;
    if (method == BALANCE_HASH) {
        *out = pick_by_key(upstream, &choice, errand->wish.key);
        return UPSTREAM_PICKED;
    }
    double now = loop_now(upstream->loop);
    for (size_t i = 0; i < choice.count; i++)
        prepare(upstream, endpoint_of_node(choice.nodes[i]), now);
    *out =
        endpoint_of_node(balance_pick(method, choice.nodes, choice.count, gateway_random(upstream->gateway)));
    return UPSTREAM_PICKED;
}

void upstream_serve(struct upstream *upstream) {
    struct errand *errand;
    if (upstream->serving)
        return;
    upstream->serving = true;
    while ((errand = TAILQ_FIRST(&upstream->waiting)) && errand_advance(errand))
        continue;
    upstream->serving = false;
}

const struct dial_name *upstream_source(struct upstream *upstream, int family) {
    for (size_t i = 0; i < upstream->sources_count; i++) {
        const struct dial_name *source =
            &upstream->sources[upstream->next_source++ % upstream->sources_count];
        if (source->address.ss_family == family)
            return source;
    }
    return NULL;
}

struct endpoint *upstream_find(struct upstream *upstream, struct span text) {
    struct endpoint *endpoint;
    TAILQ_FOREACH (endpoint, &upstream->endpoints, link)
        if (span_equal(span_text(endpoint->text), text))
            return endpoint;
    return NULL;
}
