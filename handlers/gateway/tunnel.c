#include "handlers/gateway/tunnel.h"

#include "handlers/gateway/checkout.h"
#include "handlers/gateway/gateway.h"
#include "handlers/gateway/hashkey.h"
#include "handlers/gateway/upstream.h"
#include "proto/proxy_header.h"
#include "reactor/container.h"
#include "reactor/drain.h"
#include "reactor/listener.h"
#include "reactor/loop.h"
#include "reactor/relay.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

static const struct setting tunnel_rows[] = {
#define SETTING(kind, field, initial, range, help)                                                           \
    {#field, SETTING_##kind, offsetof(struct tunnel_settings, field), initial, range, help},
#include "handlers/gateway/tunnel.def"
#undef SETTING
#define SETTING(kind, field, initial, range, help)                                                           \
    {#field, SETTING_##kind, offsetof(struct tunnel_settings, listen.field), initial, range, help},
#include "reactor/listen.def"
#undef SETTING
};

const struct settings_table tunnel_settings_table = {"tunnel", tunnel_rows,
                                                     sizeof(tunnel_rows) / sizeof(tunnel_rows[0])};

/* What a pair needs while it has no server yet. */
struct opening {
    struct checkout checkout; /* first */
    struct pair *pair;
};

/* A client and its server. */
struct pair {
    struct stream near, far;
    struct relay up, down; /* near to far, far to near */
    struct deadline idle_by;
    LIST_ENTRY(pair) link;
    struct tunnel *tunnel;
    struct listener *listener;
    struct peer *peer;
    struct opening *opening;   /* owned; NULL: it has a server, or waits for a PROXY header */
    struct endpoint *endpoint; /* NULL: none yet */
    const char *why;           /* it ended */
    double opened;
    uint64_t moved;      /* bytes of both ways, when idle_by was set */
    uint64_t counted[2]; /* bytes of far, in and out */
    uint16_t port;       /* the client's */
    uint8_t host[PEER_HOST];
    bool near_open, far_open;
    bool expect_proxy;            /* the client's first bytes are a PROXY header */
    struct sockaddr_in6 *proxied; /* owned: the client's address as its proxy tells; NULL: the socket's */
};

_Static_assert(sizeof(struct pair) <= 768,
               "an idle tunnel has 1 KiB, the loop's tables of its sockets included");

static struct pair *by_near(struct stream *stream) {
    return CONTAINER_OF(stream, struct pair, near);
}

static struct pair *by_far(struct stream *stream) {
    return CONTAINER_OF(stream, struct pair, far);
}

static struct loop *loop_of(const struct pair *pair) {
    return pair->tunnel->gateway->loop;
}

/* ---- the end ----------------------------------------------------------------------------------- */

static void write_line(const struct pair *pair) {
    char client[80];
    const struct endpoint *endpoint = pair->endpoint;
    double now = loop_now(loop_of(pair));
    peer_text(&pair->peer->key, pair->host, pair->port, client, sizeof(client));
    log_each(loop_of(pair)->log, "tunnel", log_text("client", client),
             log_text("upstream", pair->tunnel->upstream->settings->name),
             log_text("server", endpoint ? endpoint->text : "none"),
             log_number("bytes_up", (int64_t)pair->up.bytes),
             log_number("bytes_down", (int64_t)pair->down.bytes),
             log_number("ms", (int64_t)((now - pair->opened) * 1000)),
             log_text("why", pair->why ? pair->why : "closed"));
}

static void end_opening(struct pair *pair) {
    if (pair->opening)
        checkout_end(&pair->opening->checkout);
    free(pair->opening);
    pair->opening = NULL;
}

static void free_pair(struct pair *pair) {
    struct gateway *gateway = pair->tunnel->gateway;
    struct loop *loop = gateway->loop;
    if (pair->near_open || pair->far_open)
        return;
    write_line(pair);
    deadline_clear(&pair->idle_by);
    end_opening(pair);
    if (pair->endpoint)
        endpoint_left(pair->endpoint);
    listener_left(pair->listener, pair->peer);
    LIST_REMOVE(pair, link);
    free(pair->proxied);
    gateway->stats.tunnels_open--;
    loop->stats.closed++;
    loop->tunnels--;
    slots_give(&gateway->pairs, pair);
    drain_check(loop);
}

/* Ends the pair; the first reason is the one that is logged. */
static void cut(struct pair *pair, const char *why) {
    if (!pair->why)
        pair->why = why;
    if (pair->near_open)
        stream_abort(&pair->near);
    if (pair->far_open)
        stream_abort(&pair->far);
}

/* Passes a half-close on when everything before it has gone, and ends the pair when both sides are closed. */
static void check_end(struct pair *pair) {
    struct stream *near = &pair->near, *far = &pair->far;
    if (!pair->near_open || !pair->far_open || near->dying || far->dying)
        return;
    if (pair->up.broken || pair->down.broken) {
        cut(pair, "no memory");
        return;
    }
    if (relay_done(&pair->up) && !far->shutting)
        stream_shut(far);
    if (relay_done(&pair->down) && !near->shutting)
        stream_shut(near);
    if (near->shut && far->shut) {
        if (!pair->why)
            pair->why = "closed";
        stream_drop(near);
        stream_drop(far);
    }
}

/* ---- bytes ------------------------------------------------------------------------------------- */

static void alive(struct pair *pair) {
    pair->moved = pair->up.bytes + pair->down.bytes;
    deadline_set(&pair->idle_by, &pair->tunnel->upstream->tunnel);
}

/* The client becomes the one that a trusted proxy names. False: that one has too many connections, or no memory. */
static bool change_client(struct pair *pair, const struct proxy_header *header) {
    const struct sockaddr *source = (const struct sockaddr *)(const void *)&header->source;
    pair->proxied = calloc(1, sizeof(*pair->proxied));
    struct peer *peer = pair->proxied ? listener_change_client(pair->listener, pair->peer, source) : NULL;
    if (!peer)
        return false;
    pair->peer = peer;
    memcpy(pair->proxied, &header->source, sizeof(*pair->proxied));
    peer_host(source, pair->host);
    pair->port = ntohs(pair->proxied->sin6_port); /* at the same place in either family */
    return true;
}

static void begin(struct pair *pair);

static void take_proxy_header(struct pair *pair) {
    struct stream *near = &pair->near;
    struct proxy_header header;
    struct span bytes = near->in ? iobuf_pending(near->in) : span_of(NULL, 0);
    struct verdict verdict = proxy_header_decode(bytes.p, bytes.n, &header);
    if (verdict.kind == VERDICT_BAD || near->eof) {
        cut(pair, "bad PROXY header");
        return;
    }
    if (verdict.kind == VERDICT_MORE)
        return;
    if (!header.local && !change_client(pair, &header)) {
        cut(pair, "client refused");
        return;
    }
    iobuf_parsed(near->in, verdict.n);
    iobuf_settle(&near->loop->inputs, &near->in);
    pair->expect_proxy = false;
    begin(pair);
}

static void near_input(struct stream *stream) {
    struct pair *pair = by_near(stream);
    if (pair->expect_proxy) {
        take_proxy_header(pair);
        return;
    }
    alive(pair);
    relay_input(&pair->up, &pair->far);
    check_end(pair);
}

static void count(struct pair *pair) {
    gateway_count(pair->tunnel->gateway, &pair->far, pair->counted);
}

static void far_input(struct stream *stream) {
    struct pair *pair = by_far(stream);
    count(pair);
    alive(pair);
    relay_input(&pair->down, &pair->near);
    check_end(pair);
}

static void near_drained(struct stream *stream) {
    check_end(by_near(stream));
}

static void far_drained(struct stream *stream) {
    count(by_far(stream));
    check_end(by_far(stream));
}

static void near_died(struct stream *stream) {
    struct pair *pair = by_near(stream);
    pair->near_open = false;
    relay_cut(&pair->up);
    if (pair->far_open)
        cut(pair, "reset by client");
    free_pair(pair);
}

static void far_died(struct stream *stream) {
    struct pair *pair = by_far(stream);
    struct endpoint *endpoint = pair->endpoint;
    pair->far_open = false;
    endpoint->open--;
    endpoint->stats.closes++;
    count(pair);
    relay_cut(&pair->down);
    if (pair->near_open)
        cut(pair, "reset by server");
    free_pair(pair);
}

static const struct stream_class near_class = {
    .kind = FD_CLIENT, .input = near_input, .drained = near_drained, .died = near_died};
static const struct stream_class far_class = {
    .kind = FD_UPSTREAM, .input = far_input, .drained = far_drained, .died = far_died};

static void silent(struct deadline *deadline) {
    struct pair *pair = CONTAINER_OF(deadline, struct pair, idle_by);
    if (pair->moved != pair->up.bytes + pair->down.bytes)
        alive(pair); /* bytes that are spliced, or wait for their receiver, do not come by input() */
    else
        cut(pair, "idle");
}

static void no_header(struct deadline *deadline) {
    struct pair *pair = CONTAINER_OF(deadline, struct pair, idle_by);
    cut(pair, "no PROXY header in time");
}

void tunnel_deadlines(struct upstream *upstream) {
    deadlines_add(&upstream->loop->deadlines, &upstream->tunnel, upstream->settings->timeout_tunnel, silent);
    deadlines_add(&upstream->loop->deadlines, &upstream->proxy_header, upstream->settings->timeout_connect,
                  no_header);
}

/* ---- the beginning ----------------------------------------------------------------------------- */

static void relayed(struct relay *relay, bool whole) {
    struct stream *to = relay->body.stream;
    if (whole)
        stream_wake(to); /* check_end() comes with its drained() */
}

/* Tells the server about the client, if it wants to know. */
static bool send_header(struct pair *pair) {
    int version = pair->tunnel->upstream->settings->send_proxy;
    struct proxy_header header = {0};
    socklen_t size = sizeof(header.source);
    char bytes[PROXY_HEADER_ROOM];
    if (version == SEND_PROXY_OFF)
        return true;
    getpeername(stream_fd(&pair->near), (struct sockaddr *)(void *)&header.source, &size);
    if (pair->proxied)
        memcpy(&header.source, pair->proxied, sizeof(*pair->proxied));
    size = sizeof(header.destination);
    getsockname(stream_fd(&pair->near), (struct sockaddr *)(void *)&header.destination, &size);
    size_t n =
        version == SEND_PROXY_V1 ? proxy_header_write1(&header, bytes) : proxy_header_write2(&header, bytes);
    return stream_send(&pair->far, span_of(bytes, n), span_of(NULL, 0), -1, NULL) == 0;
}

static struct pair *pair_of(struct checkout *checkout) {
    return ((struct opening *)(void *)checkout)->pair;
}

static void got(struct checkout *checkout, struct upconn *idle, int fd) {
    struct pair *pair = pair_of(checkout);
    unsigned epoch = checkout->epoch;
    struct endpoint *endpoint = checkout_hand_over(checkout);
    struct loop *loop = loop_of(pair);
    (void)idle; /* tunnels take new connections only */
    end_opening(pair);
    pair->endpoint = endpoint;
    stream_init(&pair->far, loop, &far_class, fd, endpoint->name.address.ss_family == AF_UNIX);
    pair->far_open = true;
    endpoint->open++;
    endpoint->stats.tunnels++;
    endpoint_book(endpoint, epoch, ENDPOINT_GOOD, 0);
    relay_init(&pair->up, &pair->near, RELAY_REST, NULL, relayed);
    relay_init(&pair->down, &pair->far, RELAY_REST, NULL, relayed);
    pair->up.bursts = pair->down.bursts = true;
    pair->near.no_send_timeout = pair->far.no_send_timeout = true;
    alive(pair);
    if (pair->near.dying || !send_header(pair)) {
        stream_abort(&pair->far);
        return;
    }
    stream_read(&pair->near, true);
    if (pair->near.in)
        near_input(&pair->near); /* came with the PROXY header */
}

static void failed(struct checkout *checkout, enum checkout_failure failure) {
    static const char *const reasons[] = {
        [CHECKOUT_DOWN] = "no usable server",      [CHECKOUT_CROWDED] = "too many wait",
        [CHECKOUT_LATE] = "no connection in time", [CHECKOUT_REFUSED] = "server refused",
        [CHECKOUT_SLOW] = "server did not answer", [CHECKOUT_SHORT] = "no descriptor or port"};
    struct pair *pair = pair_of(checkout);
    pair->tunnel->gateway->stats.tunnel_failures++;
    cut(pair, reasons[failure]);
}

/* Asks for a server; the client is not read until there is one. */
static void begin(struct pair *pair) {
    deadline_clear(&pair->idle_by);
    stream_read(&pair->near, false);
    struct upstream *upstream = pair->tunnel->upstream;
    struct checkout_wish wish = {.key = hashkey_of(upstream->settings->hash_key, NULL, &pair->peer->key)};
    pair->opening = calloc(1, sizeof(*pair->opening));
    if (!pair->opening) {
        cut(pair, "no memory");
        return;
    }
    pair->opening->pair = pair;
    checkout_begin(&pair->opening->checkout, upstream, &wish, got, failed);
}

static bool take(struct loop *loop, struct listener *listener, int fd, struct peer *peer,
                 const struct sockaddr *address) {
    struct tunnel *tunnel = listener->context;
    struct pair *pair = slots_take(&tunnel->gateway->pairs);
    if (!pair)
        return false;
    pair->tunnel = tunnel;
    pair->listener = listener;
    pair->peer = peer;
    pair->opened = loop_now(loop);
    pair->near_open = true;
    peer_host(address, pair->host);
    if (address->sa_family == AF_INET)
        pair->port = ntohs(((const struct sockaddr_in *)(const void *)address)->sin_port);
    else if (address->sa_family == AF_INET6)
        pair->port = ntohs(((const struct sockaddr_in6 *)(const void *)address)->sin6_port);
    LIST_INSERT_HEAD(&tunnel->pairs, pair, link);
    tunnel->gateway->stats.tunnels++;
    tunnel->gateway->stats.tunnels_open++;
    loop->stats.accepted++;
    loop->tunnels++;
    stream_init(&pair->near, loop, &near_class, fd, address->sa_family == AF_UNIX);
    pair->expect_proxy = listener_expects_proxy(listener, address);
    if (pair->expect_proxy)
        deadline_set(&pair->idle_by, &tunnel->upstream->proxy_header);
    else
        begin(pair);
    return true;
}

static int check_listener(const struct tunnel_settings *settings, char *why, size_t why_size) {
    struct listener_options options;
    int error = listener_options_parse(&options, &settings->listen, why, why_size);
    if (!error)
        listener_options_free(&options);
    return error;
}

int tunnel_check(const struct tunnel_settings *settings, size_t *step, char *why, size_t why_size) {
    const char *reason = NULL;
    int error = 0;
    while (!reason && !error) {
        switch ((*step)++) {
        case 0:
            if (!*settings->upstream)
                reason = "upstream is missing";
            break;
        case 1:
            if (*settings->listen.protocols || settings->listen.admin != LISTEN_ADMIN_AUTO)
                reason = "a tunnel has no protocols and no administration";
            break;
        case 2:
            error = check_listener(settings, why, why_size);
            break;
        default:
            return 0;
        }
    }
    if (reason)
        snprintf(why, why_size, "%s", reason);
    return reason ? -EINVAL : error;
}

int tunnel_open(struct gateway *gateway, const struct tunnel_settings *settings, char *why, size_t why_size) {
    struct tunnel *tunnel = calloc(1, sizeof(*tunnel));
    snprintf(why, why_size, "out of memory");
    if (!tunnel)
        return -ENOMEM;
    struct slots *pairs = &gateway->pairs;
    if (!pairs->memory && slots_init(pairs, sizeof(struct pair), gateway->loop->conns.capacity) != 0) {
        free(tunnel);
        return -ENOMEM;
    }
    tunnel->gateway = gateway;
    tunnel->settings = settings;
    tunnel->upstream = gateway_upstream(gateway, settings->upstream);
    LIST_INIT(&tunnel->pairs);
    LIST_INSERT_HEAD(&gateway->tunnels, tunnel, link);
    return listener_open_for(gateway->loop, &settings->listen, take, tunnel, why, why_size);
}

void tunnel_close(struct tunnel *tunnel) {
    struct pair *pair;
    LIST_FOREACH (pair, &tunnel->pairs, link)
        cut(pair, "shut down");
}

void tunnel_free(struct tunnel *tunnel) {
    LIST_REMOVE(tunnel, link);
    free(tunnel);
}
