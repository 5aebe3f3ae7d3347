#include "handlers/gateway/endpoint.h"

#include "handlers/gateway/gateway.h"
#include "handlers/gateway/health.h"
#include "handlers/gateway/upconn.h"
#include "handlers/gateway/upstream.h"
#include "handlers/http/prometheus.h"
#include "reactor/container.h"
#include "reactor/loop.h"

#include <math.h>
#include <stdlib.h>

#define PEEK_AFTER  0.02 /* seconds idle, longer than a turn, after which to check whether it is still open */
#define SPARE_PAUSE 1.0  /* seconds after a connection for min_idle that failed */

const struct counter endpoint_counters[] = {
#define COUNTER(kind, field, help) {#field, COUNTER_##kind, offsetof(struct endpoint_stats, field), help},
#include "handlers/gateway/endpoint.def"
#undef COUNTER
};
const size_t endpoint_counters_count = sizeof(endpoint_counters) / sizeof(endpoint_counters[0]);

static void name_endpoint(struct endpoint *endpoint) {
    struct address address;
    if (!endpoint->server->named ||
        address_of_socket(&endpoint->name.address, endpoint->name.length, false, &address))
        address = endpoint->server->address;
    address_print(&address, endpoint->text, sizeof(endpoint->text));
    char *labels = endpoint->labels;
    size_t n = prometheus_label(labels, ADDRESS_TEXT, "upstream", endpoint->upstream->settings->name);
    labels[n++] = ',';
    prometheus_label(labels + n, sizeof(endpoint->labels) - n, "server", endpoint->text);
}

static unsigned free_number(const struct upstream *upstream) {
    unsigned number = 0;
    while (number < UPSTREAM_ENDPOINTS && upstream->numbers >> number & 1)
        number++;
    return number;
}

struct endpoint *endpoint_new(struct upstream *upstream, const struct server *server,
                              const struct dial_name *name) {
    unsigned number = free_number(upstream);
    struct endpoint *endpoint = number < UPSTREAM_ENDPOINTS ? calloc(1, sizeof(*endpoint)) : NULL;
    if (!endpoint)
        return NULL;
    endpoint->upstream = upstream;
    endpoint->server = server;
    endpoint->name = *name;
    endpoint->number = number;
    endpoint->weight = server->weight;
    TAILQ_INIT(&endpoint->idle);
    name_endpoint(endpoint);
    if (histogram_init(&endpoint->stats.latency, 4, 600000000000u) != 0) {
        free(endpoint);
        return NULL;
    }
    endpoint->since = loop_now(upstream->loop);
    upstream->numbers |= UINT64_C(1) << number;
    upstream->count++;
    upstream->ring_stale = true;
    TAILQ_INSERT_TAIL(&upstream->endpoints, endpoint, link);
    if (upstream->settings->check != CHECK_OFF)
        endpoint->health = health_new(endpoint);
    return endpoint;
}

void endpoint_free(struct endpoint *endpoint) {
    struct upstream *upstream = endpoint->upstream;
    health_free(endpoint->health);
    TAILQ_REMOVE(&upstream->endpoints, endpoint, link);
    upstream->numbers &= ~(UINT64_C(1) << endpoint->number);
    upstream->count--;
    upstream->ring_stale = true;
    histogram_free(&endpoint->stats.latency);
    free(endpoint);
}

bool endpoint_serves(const struct endpoint *endpoint) {
    return !endpoint->gone && !endpoint->drained && !endpoint->down && endpoint->weight > 0;
}

bool endpoint_usable(const struct endpoint *endpoint) {
    const struct upstream *upstream = endpoint->upstream;
    return endpoint_serves(endpoint) && endpoint->outlier.until == 0 &&
           breaker_admits(&endpoint->breaker, &upstream->breaker, loop_now(upstream->loop));
}

/* The longest idle time after which a connection is reused; 0: any. */
static double rest_limit(const struct endpoint *endpoint) {
    double set = endpoint->upstream->settings->keep_alive;
    return set > 0 ? set : keepalive_limit(&endpoint->keepalive);
}

static bool too_old(const struct endpoint *endpoint, const struct upconn *conn, double now) {
    const struct upstream_settings *settings = endpoint->upstream->settings;
    return settings->max_age > 0 && now - conn->opened > settings->max_age;
}

static bool rested_too_long(const struct endpoint *endpoint, const struct upconn *conn, double now) {
    double limit = rest_limit(endpoint);
    return limit > 0 && now - conn->since > limit;
}

bool endpoint_has_room(const struct endpoint *endpoint, bool pooled) {
    const struct upconn *youngest = TAILQ_FIRST(&endpoint->idle);
    double now = loop_now(endpoint->upstream->loop);
    if ((long)endpoint->open + endpoint->dials < endpoint->upstream->settings->max_connections)
        return true;
    return pooled && youngest && !rested_too_long(endpoint, youngest, now) &&
           !too_old(endpoint, youngest, now);
}

void endpoint_make_room(struct endpoint *endpoint) {
    struct upconn *oldest = TAILQ_LAST(&endpoint->idle, upconns);
    long used = (long)endpoint->node.active + endpoint->idle_count + dial_active(&endpoint->spare);
    bool leaving = (long)endpoint->open + endpoint->dials > used; /* one is about to end already */
    if (!oldest || leaving)
        return;
    endpoint->stats.expired++;
    upconn_end(oldest, false);
}

static bool needs_a_look(const struct upconn *conn, double now) {
    return conn->stream.dying || conn->unread || now - conn->since > PEEK_AFTER;
}

struct upconn *endpoint_take(struct endpoint *endpoint) {
    double now = loop_now(endpoint->upstream->loop);
    struct upconn *conn;
    while ((conn = TAILQ_FIRST(&endpoint->idle))) {
        if (rested_too_long(endpoint, conn, now))
            return NULL; /* the others have been idle for longer */
        TAILQ_REMOVE(&endpoint->idle, conn, idle_link);
        endpoint->idle_count--;
        conn->idle = false;
        if (too_old(endpoint, conn, now)) {
            endpoint->stats.expired++;
        } else if (!needs_a_look(conn, now) || !upconn_is_stale(conn)) {
            conn->unread = false;
            return conn;
        }
        upconn_end(conn, false);
    }
    return NULL;
}

void endpoint_give(struct endpoint *endpoint, struct upconn *conn, bool reusable) {
    const struct upstream_settings *settings = endpoint->upstream->settings;
    double now = loop_now(endpoint->upstream->loop);
    bool worn = conn->most > 0 && conn->requests >= conn->most;
    worn |= settings->max_requests > 0 && (long)conn->requests >= settings->max_requests;
    reusable &= !conn->stream.dying && !conn->stream.eof && !conn->stream.send_failed && !worn &&
                !too_old(endpoint, conn, now);
    reusable &= !endpoint->gone && !endpoint->drained && endpoint->upstream->loop->state != LOOP_STOPPED;
    if (reusable && (long)endpoint->idle_count >= settings->max_idle) {
        endpoint->stats.pool_full_closes++;
        reusable = false;
    }
    if (reusable && conn->stream.in && iobuf_pending(conn->stream.in).n > 0) {
        endpoint->stats.stray_bytes++;
        reusable = false;
    }
    if (!reusable) {
        upconn_end(conn, false);
        return;
    }
    conn->proxy = NULL;
    conn->idle = true;
    conn->since = now;
    endpoint->idle_count++;
    TAILQ_INSERT_HEAD(&endpoint->idle, conn, idle_link);
    stream_read(&conn->stream, true);
}

void endpoint_left(struct endpoint *endpoint) {
    endpoint->node.active--;
    upstream_serve(endpoint->upstream);
}

static size_t ejected(const struct upstream *upstream) {
    const struct endpoint *endpoint;
    size_t count = 0;
    TAILQ_FOREACH (endpoint, &upstream->endpoints, link)
        count += endpoint->outlier.until > 0;
    return count;
}

static void eject(struct endpoint *endpoint, const char *why) {
    struct upstream *upstream = endpoint->upstream;
    const struct upstream_settings *settings = upstream->settings;
    if (endpoint->outlier.until > 0 ||
        !outlier_room(upstream->count, ejected(upstream), settings->outlier_percent))
        return;
    double seconds = outlier_eject(&endpoint->outlier, settings->outlier_eject, settings->outlier_eject_max,
                                   loop_now(upstream->loop), gateway_random(upstream->gateway));
    endpoint->stats.ejections++;
    log_warn(upstream->loop->log, "server ejected", log_text("upstream", settings->name),
             log_text("server", endpoint->text), log_text("reason", why),
             log_number("seconds", (int64_t)seconds));
}

void endpoint_judge(struct endpoint *endpoint, double threshold) {
    if (outlier_below(&endpoint->outlier, threshold) && threshold > 0)
        eject(endpoint, "success rate");
}

static void count_status(struct endpoint_stats *stats, int status) {
    if (status >= 500)
        stats->responses_5xx++;
    else if (status >= 400)
        stats->responses_4xx++;
    else if (status >= 300)
        stats->responses_3xx++;
    else if (status >= 200)
        stats->responses_2xx++;
}

static void note_breaker(struct endpoint *endpoint, enum breaker_state before) {
    struct upstream *upstream = endpoint->upstream;
    enum breaker_state after = endpoint->breaker.state;
    if (after == before)
        return;
    endpoint->stats.breaker_opens += after == BREAKER_OPEN;
    endpoint->stats.breaker_half_opens += after == BREAKER_HALF_OPEN;
    endpoint->stats.breaker_closes += after == BREAKER_CLOSED;
    log_warn(upstream->loop->log, "breaker", log_text("upstream", upstream->settings->name),
             log_text("server", endpoint->text), log_text("state", breaker_name(after)));
    if (after == BREAKER_CLOSED)
        upstream_serve(upstream);
}

unsigned endpoint_enter(struct endpoint *endpoint) {
    struct upstream *upstream = endpoint->upstream;
    enum breaker_state before = endpoint->breaker.state;
    unsigned epoch = breaker_enter(&endpoint->breaker, &upstream->breaker, loop_now(upstream->loop));
    note_breaker(endpoint, before);
    return epoch;
}

static void book_breaker(struct endpoint *endpoint, unsigned epoch, bool good) {
    struct upstream *upstream = endpoint->upstream;
    enum breaker_state before = endpoint->breaker.state;
    breaker_leave(&endpoint->breaker, &upstream->breaker, epoch, good, loop_now(upstream->loop));
    note_breaker(endpoint, before);
}

void endpoint_book(struct endpoint *endpoint, unsigned epoch, enum endpoint_result result, int status) {
    count_status(&endpoint->stats, status);
    if (result == ENDPOINT_UNKNOWN) {
        breaker_abandon(&endpoint->breaker, epoch);
        return;
    }
    book_breaker(endpoint, epoch, result == ENDPOINT_GOOD);
    if (result == ENDPOINT_BAD)
        latency_add(&endpoint->latency, LATENCY_FAILED, loop_now(endpoint->upstream->loop));
    if (outlier_book(&endpoint->outlier, result == ENDPOINT_GOOD,
                     endpoint->upstream->settings->outlier_errors))
        eject(endpoint, "errors in a row");
}

/* Ends its ejection, if there is one that ends at `now` or before. */
static void end_ejection(struct endpoint *endpoint, double now) {
    struct upstream *upstream = endpoint->upstream;
    if (!outlier_returns(&endpoint->outlier, now))
        return;
    log_info(upstream->loop->log, "server returns", log_text("upstream", upstream->settings->name),
             log_text("server", endpoint->text));
    endpoint_returned(endpoint);
}

static void open_spares(struct endpoint *endpoint);

static void spare_opened(struct dial *dial, int fd) {
    struct endpoint *endpoint = CONTAINER_OF(dial, struct endpoint, spare);
    struct upconn *conn = fd < 0 ? NULL : upconn_new(endpoint, fd);
    endpoint->dials--;
    endpoint->stats.connects += fd >= 0;
    endpoint->stats.connect_failures += fd < 0;
    if (!conn) {
        endpoint->spare_after = loop_now(endpoint->upstream->loop) + SPARE_PAUSE;
        return;
    }
    endpoint_give(endpoint, conn, true);
    open_spares(endpoint);
    upstream_serve(endpoint->upstream);
}

static bool wants_spare(const struct endpoint *endpoint) {
    const struct upstream *upstream = endpoint->upstream;
    return (long)endpoint->idle_count < upstream->settings->min_idle && endpoint_usable(endpoint) &&
           endpoint_has_room(endpoint, false) && loop_now(upstream->loop) >= endpoint->spare_after;
}

/* Opens connections one after the other, while there are fewer than min_idle. */
static void open_spares(struct endpoint *endpoint) {
    struct upstream *upstream = endpoint->upstream;
    if (endpoint->opening) /* called by a connection that was made at once */
        return;
    endpoint->opening = true;
    while (!dial_active(&endpoint->spare) && wants_spare(endpoint)) {
        endpoint->dials++;
        dial_begin(&endpoint->spare, upstream->loop, &endpoint->name,
                   upstream_source(upstream, endpoint->name.address.ss_family), &upstream->connect,
                   spare_opened);
    }
    endpoint->opening = false;
}

void endpoint_sweep(struct endpoint *endpoint, double now) {
    const struct upstream_settings *settings = endpoint->upstream->settings;
    struct upconn *conn = TAILQ_LAST(&endpoint->idle, upconns), *younger;
    bool first = true; /* the oldest one stays, to show how long the server keeps it */
    if (conn)
        keepalive_outlived(&endpoint->keepalive, now - conn->since);
    for (; conn; conn = younger) {
        younger = TAILQ_PREV(conn, upconns, idle_link);
        bool rested = rested_too_long(endpoint, conn, now) && (!first || settings->keep_alive > 0);
        first = false;
        if (rested || too_old(endpoint, conn, now)) {
            endpoint->stats.expired++;
            upconn_end(conn, false);
        }
    }
    end_ejection(endpoint, now);
    open_spares(endpoint);
}

void endpoint_readmit(struct endpoint *endpoint) {
    end_ejection(endpoint, INFINITY);
}

void endpoint_returned(struct endpoint *endpoint) {
    endpoint->since = loop_now(endpoint->upstream->loop);
    upstream_serve(endpoint->upstream);
}

void endpoint_empty(struct endpoint *endpoint) {
    struct upconn *conn;
    if (dial_active(&endpoint->spare)) {
        dial_cancel(&endpoint->spare);
        endpoint->dials--;
    }
    while ((conn = TAILQ_FIRST(&endpoint->idle)))
        upconn_end(conn, false);
}

void endpoint_retire(struct endpoint *endpoint) {
    endpoint->gone = true;
    endpoint->upstream->ring_stale = true;
    endpoint_empty(endpoint);
}

void endpoint_revive(struct endpoint *endpoint) {
    endpoint->gone = false;
    endpoint->upstream->ring_stale = true;
    endpoint_returned(endpoint);
}

void endpoint_weigh(struct endpoint *endpoint, long weight) {
    bool back = endpoint->weight == 0 && weight > 0;
    endpoint->weight = weight;
    endpoint->node.current = 0;
    endpoint->upstream->ring_stale = true;
    if (back)
        endpoint_returned(endpoint);
}

bool endpoint_is_over(const struct endpoint *endpoint) {
    return endpoint->gone && endpoint->open == 0 && endpoint->node.active == 0;
}

double endpoint_hit_rate(const struct endpoint *endpoint) {
    uint64_t uses = endpoint->stats.hits + endpoint->stats.misses;
    return uses ? (double)endpoint->stats.hits / (double)uses : 0;
}

void endpoint_sample(struct endpoint *endpoint) {
    endpoint->stats.active = endpoint->node.active;
    endpoint->stats.idle = endpoint->idle_count;
    endpoint->stats.usable = endpoint_usable(endpoint);
    endpoint->stats.hit_rate = endpoint_hit_rate(endpoint);
}

void endpoint_answered(struct endpoint *endpoint, unsigned epoch, int status, int64_t ns) {
    enum breaker_state before = endpoint->breaker.state;
    double now = loop_now(endpoint->upstream->loop);
    histogram_add(&endpoint->stats.latency, ns > 0 ? (uint64_t)ns : 0);
    latency_add(&endpoint->latency, (double)ns / 1e9, now);
    if (status < 500)
        breaker_began(&endpoint->breaker, epoch, now);
    note_breaker(endpoint, before);
}

const char *endpoint_host(const struct endpoint *endpoint) {
    bool is_unix = endpoint->server->address.kind == ADDRESS_UNIX;
    return is_unix ? "localhost" : endpoint->text + sizeof("tcp:") - 1;
}

const char *endpoint_state(const struct endpoint *endpoint) {
    if (endpoint->gone)
        return "gone";
    if (endpoint->drained || endpoint->weight == 0)
        return "drained";
    if (endpoint->down)
        return "down";
    if (endpoint->outlier.until > 0)
        return "ejected";
    return endpoint->breaker.state == BREAKER_CLOSED ? "up" : breaker_name(endpoint->breaker.state);
}
