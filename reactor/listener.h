/* Listening sockets: bind, accept in bounded batches, refuse peers that are not allowed or over a limit.
 *
 *     bind -> readable -> accept4 x batch -> allowed? within the limits? -> conn_open()
 *                         EMFILE | ENFILE: pause, try again after accept_pause; existing connections go on
 */
#ifndef SLUICE_REACTOR_LISTENER_H
#define SLUICE_REACTOR_LISTENER_H

#include "proto/address.h"
#include "proto/detect.h"
#include "reactor/listener_options.h"
#include "reactor/loop.h"

struct listener;

/* Takes over an accepted socket (in the ledger), which counts for peer until listener_left(). False: it cannot, and the
 * socket is still the caller's. conn_open() is one such function. */
typedef bool listener_take(struct loop *loop, struct listener *listener, int fd, struct peer *peer,
                           const struct sockaddr *address);

struct listener {
    ev_io io;
    ev_timer resume;
    LIST_ENTRY(listener) link;
    struct loop *loop;
    listener_take *take;
    void *context; /* the taker's */
    struct listener_options options;
    struct address address; /* as bound: port 0 resolved */
    bool closed;
    uint32_t connections;
    struct peers clients; /* where max_per_client is set: connections of each here */
    dev_t device;         /* of a Unix socket's file, so that only our own is removed */
    ino_t inode;
};

/* Opens a listener for client connections, which listeners_free() frees. settings and their texts must stay valid. 0,
 * or -errno with a reason. */
int listener_open(struct loop *loop, const struct listen_settings *settings, char *why, size_t why_size);
/* The same for connections that `take` handles, like those of tunnels; context is its own. */
int listener_open_for(struct loop *loop, const struct listen_settings *settings, listener_take *take,
                      void *context, char *why, size_t why_size);
/* Accepts all connections that wait for it: a close would reset them, with the requests that they bring. */
void listeners_accept_all(struct loop *loop);
/* Accepts no further connections; removes the files of Unix sockets. */
void listeners_close(struct loop *loop);
void listeners_free(struct loop *loop);
bool listener_offers(const struct listener *listener, enum protocol protocol);
/* True if a connection from this address begins with a PROXY header. */
bool listener_expects_proxy(const struct listener *listener, const struct sockaddr *address);
/* From now on a connection counts for another client: the one with this address, AF_INET or AF_INET6. Returns that
 * client's peer. NULL, and nothing has changed: that client has as many connections as it may have, which is counted
 * and logged, or there is no memory. */
struct peer *listener_change_client(struct listener *listener, struct peer *from,
                                    const struct sockaddr *address);
/* A connection of this listener has ended, and no longer counts for its client. */
void listener_left(struct listener *listener, struct peer *peer);

#endif
