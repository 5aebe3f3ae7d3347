#include "reactor/listener.h"

#include "reactor/conn.h"
#include "reactor/inetsock.h"
#include "reactor/unixsock.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

bool listener_offers(const struct listener *listener, enum protocol protocol) {
    return listener->options.offers[protocol];
}

/* Counts a connection that is refused, and logs why. */
static void refuse(struct listener *listener, uint64_t *counter) {
    struct loop *loop = listener->loop;
    (*counter)++;
    log_warn(loop->log, "connection refused", log_text("listener", listener->options.settings->address),
             log_text("reason", counter == &loop->stats.refused_allow    ? "not allowed"
                                : counter == &loop->stats.refused_client ? "limit of one client"
                                                                         : "limit of connections"));
}

/* Connections of a client over all listeners, or at one. */
static long connections_of(struct peers *peers, const struct peer_key *key) {
    const struct peer *peer = peers_find(peers, key);
    return peer ? peer->connections : 0;
}

/* Has this client as many connections as it may have? */
static bool is_at_limit(struct listener *listener, const struct peer_key *key) {
    long in_all = listener->loop->settings.connections_per_client;
    long here = listener->options.settings->max_per_client;
    return (in_all && connections_of(&listener->loop->peers, key) >= in_all) ||
           (here && connections_of(&listener->clients, key) >= here);
}

/* Counts a connection for a client, over all listeners and at this one. NULL: no memory. */
static struct peer *count_client(struct listener *listener, const struct peer_key *key) {
    struct peers *all = &listener->loop->peers;
    struct peer *peer = peers_join(all, key);
    if (peer && listener->options.settings->max_per_client && !peers_join(&listener->clients, key)) {
        peers_leave(all, peer);
        return NULL;
    }
    return peer;
}

static void uncount_client(struct listener *listener, struct peer *peer) {
    struct peer *here = peers_find(&listener->clients, &peer->key);
    if (here)
        peers_leave(&listener->clients, here);
    peers_leave(&listener->loop->peers, peer);
}

void listener_left(struct listener *listener, struct peer *peer) {
    listener->connections--;
    uncount_client(listener, peer);
}

static bool in_network(const struct network *network, const uint8_t address[16]) {
    unsigned whole = network->bits / 8, rest = network->bits % 8;
    if (memcmp(network->address, address, whole) != 0)
        return false;
    if (rest == 0)
        return true;
    uint8_t mask = (uint8_t)(0xff00u >> rest);
    return (network->address[whole] & mask) == (address[whole] & mask);
}

static bool in_networks(const struct network *networks, unsigned count, const struct sockaddr *address) {
    uint8_t bytes[16] = {[10] = 0xff, [11] = 0xff};
    if (address->sa_family == AF_INET)
        memcpy(bytes + 12, &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
    else if (address->sa_family == AF_INET6)
        memcpy(bytes, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, 16);
    else
        return false;
    for (unsigned i = 0; i < count; i++)
        if (in_network(&networks[i], bytes))
            return true;
    return false;
}

bool listener_expects_proxy(const struct listener *listener, const struct sockaddr *address) {
    return in_networks(listener->options.proxies, listener->options.proxies_count, address);
}

struct peer *listener_change_client(struct listener *listener, struct peer *from,
                                    const struct sockaddr *address) {
    struct peer_key key;
    if (peer_key_of(-1, address, &key) != 0)
        return NULL;
    if (memcmp(&key, &from->key, sizeof(key)) == 0)
        return from;
    if (is_at_limit(listener, &key)) {
        refuse(listener, &listener->loop->stats.refused_client);
        return NULL;
    }
    struct peer *to = count_client(listener, &key);
    if (to)
        uncount_client(listener, from);
    return to;
}

static bool allowed(const struct listener *listener, int fd, const struct sockaddr *address) {
    const struct listener_options *options = &listener->options;
    if (!options->is_unix)
        return options->networks_count == 0 ||
               in_networks(options->networks, options->networks_count, address);
    return (options->uids_count == 0 && options->gids_count == 0) ||
           unixsock_peer_allowed(fd, options->uids, options->uids_count, options->gids, options->gids_count);
}

static int set_option(int fd, int level, int name, int value) {
    return setsockopt(fd, level, name, &value, sizeof(value)) == 0 ? 0 : -errno;
}

/* Why this socket may not become a connection: the counter of that reason, or NULL if it may. For a proxy's connection
 * the limits of one client are checked later, when it has named its client. */
static uint64_t *refusal(struct listener *listener, int fd, const struct sockaddr *address,
                         struct peer_key *key) {
    struct loop *loop = listener->loop;
    if (!allowed(listener, fd, address) || peer_key_of(fd, address, key) != 0)
        return &loop->stats.refused_allow;
    if (loop->conns.used + loop->tunnels >= loop->conns.capacity)
        return &loop->stats.refused_limit;
    if (is_at_limit(listener, key) && !listener_expects_proxy(listener, address))
        return &loop->stats.refused_client;
    return NULL;
}

static void take_connection(struct listener *listener, int fd, const struct sockaddr *address) {
    struct loop *loop = listener->loop;
    struct peer_key key;
    uint64_t *refused = refusal(listener, fd, address, &key);
    if (refused) {
        refuse(listener, refused);
        close(fd);
        return;
    }
    struct peer *peer = count_client(listener, &key);
    if (!peer) {
        close(fd);
        return;
    }
    int send_buffer = (int)listener->options.settings->send_buffer;
    if (listener->options.is_unix && send_buffer) /* TCP sockets have it from their listener */
        set_option(fd, SOL_SOCKET, SO_SNDBUF, send_buffer);
    ledger_enter(&loop->ledger, fd, FD_CLIENT, 0, loop_now(loop));
    listener->connections++;
    if (!listener->take(loop, listener, fd, peer, address)) {
        listener_left(listener, peer);
        ledger_close(&loop->ledger, fd);
    }
}

static void resume(struct ev_loop *ev, ev_timer *timer, int events) {
    (void)events;
    struct listener *listener = timer->data;
    ev_io_start(ev, &listener->io);
}

/* Out of descriptors: new connections wait in the kernel's queue, existing ones go on. */
static void pause_accepting(struct listener *listener, int error) {
    struct loop *loop = listener->loop;
    loop->stats.accept_pauses++;
    log_warn(loop->log, "accepting paused", log_text("listener", listener->options.settings->address),
             log_text("error", strerrordesc_np(error)));
    ev_io_stop(loop->ev, &listener->io);
    ev_timer_set(&listener->resume, loop->settings.accept_pause, 0);
    ev_timer_start(loop->ev, &listener->resume);
}

/* Accepts at most so many connections that wait. */
static void accept_some(struct listener *listener, long most) {
    for (long i = 0; i < most; i++) {
        struct sockaddr_storage address = {0};
        socklen_t size = sizeof(address);
        int fd = accept4(listener->io.fd, (struct sockaddr *)&address, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            take_connection(listener, fd, (struct sockaddr *)&address);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            pause_accepting(listener, errno);
            return;
        } else if (errno == EAGAIN) {
            return;
        }
    }
}

static void acceptable(struct ev_loop *ev, ev_io *io, int events) {
    (void)ev, (void)events;
    struct listener *listener = io->data;
    accept_some(listener, listener->loop->settings.accept_batch);
}

/* Options that accepted sockets inherit. */
static void set_tcp_options(int fd, const struct listen_settings *settings) {
    if (settings->nodelay)
        set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    if (settings->keepalive > 0) {
        int seconds = settings->keepalive < 1 ? 1 : (int)settings->keepalive;
        set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
        set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, seconds);
        set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, seconds / 4 > 0 ? seconds / 4 : 1);
    }
    if (settings->user_timeout > 0)
        set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, (int)(settings->user_timeout * 1000));
    if (settings->send_buffer)
        set_option(fd, SOL_SOCKET, SO_SNDBUF, (int)settings->send_buffer);
}

/* Accepted sockets inherit this too. On loopback there is no pacing: BBR would spend up to half of a large object's CPU
 * time on its timers. */
static int set_congestion(int fd, const struct listener_options *options, char *why, size_t why_size) {
    const char *asked = options->settings->congestion;
    const char *name = *asked || !options->is_loopback ? asked : "reno";
    if (!*name || setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, (socklen_t)strlen(name)) == 0 || !*asked)
        return 0;
    int error = -errno;
    snprintf(why, why_size, "congestion: '%s' is none of net.ipv4.tcp_allowed_congestion_control", asked);
    return error;
}

static int open_tcp(struct listener *listener, char *why, size_t why_size) {
    int fd = inetsock_bind(&listener->address, SOCK_STREAM, why, why_size);
    if (fd < 0)
        return fd;
    set_tcp_options(fd, listener->options.settings);
    int error = set_congestion(fd, &listener->options, why, why_size);
    if (!error && listen(fd, (int)listener->options.settings->backlog) != 0)
        error = -errno;
    if (error) {
        close(fd);
        return error;
    }
    return fd;
}

static int open_unix(struct listener *listener, char *why, size_t why_size) {
    struct unixsock options = {.address = &listener->address,
                               .mode = listener->options.mode,
                               .owner = listener->options.owner,
                               .group = listener->options.group,
                               .backlog = (int)listener->options.settings->backlog};
    int fd = unixsock_open(&options, why, why_size);
    listener->device = options.device;
    listener->inode = options.inode;
    return fd;
}

static void start(struct listener *listener, int fd) {
    struct loop *loop = listener->loop;
    ledger_enter(&loop->ledger, fd, FD_LISTENER, 0, loop_now(loop));
    ev_io_init(&listener->io, acceptable, fd, EV_READ);
    ev_init(&listener->resume, resume);
    listener->io.data = listener->resume.data = listener;
    ev_io_start(loop->ev, &listener->io);
    LIST_INSERT_HEAD(&loop->listeners, listener, link);
}

int listener_open(struct loop *loop, const struct listen_settings *settings, char *why, size_t why_size) {
    return listener_open_for(loop, settings, conn_open, NULL, why, why_size);
}

int listener_open_for(struct loop *loop, const struct listen_settings *settings, listener_take *take,
                      void *context, char *why, size_t why_size) {
    struct listener *listener = calloc(1, sizeof(*listener));
    if (!listener)
        return -ENOMEM;
    why[0] = '\0';
    int error = listener_options_parse(&listener->options, settings, why, why_size);
    if (!error) {
        listener->loop = loop;
        listener->take = take;
        listener->context = context;
        peers_init(&listener->clients, false);
        listener->address = listener->options.address;
        int fd = listener->options.is_unix ? open_unix(listener, why, why_size)
                                           : open_tcp(listener, why, why_size);
        if (fd >= 0)
            start(listener, fd);
        else
            error = fd;
    }
    if (error) {
        if (!why[0])
            snprintf(why, why_size, "%s", strerrordesc_np(-error));
        listener_options_free(&listener->options);
        free(listener);
    }
    return error;
}

static void close_listener(struct listener *listener) {
    struct loop *loop = listener->loop;
    if (listener->closed)
        return;
    listener->closed = true;
    ev_io_stop(loop->ev, &listener->io);
    ev_timer_stop(loop->ev, &listener->resume);
    if (listener->options.is_unix)
        unixsock_unlink(&listener->address, listener->device, listener->inode);
    ledger_close(&loop->ledger, listener->io.fd);
}

void listeners_accept_all(struct loop *loop) {
    struct listener *listener;
    LIST_FOREACH (listener, &loop->listeners, link)
        if (!listener->closed)
            accept_some(listener, listener->options.settings->backlog);
}

void listeners_close(struct loop *loop) {
    struct listener *listener;
    LIST_FOREACH (listener, &loop->listeners, link)
        close_listener(listener);
}

void listeners_free(struct loop *loop) {
    struct listener *listener;
    listeners_close(loop);
    while ((listener = LIST_FIRST(&loop->listeners))) {
        LIST_REMOVE(listener, link);
        peers_free(&listener->clients);
        listener_options_free(&listener->options);
        free(listener);
    }
}
