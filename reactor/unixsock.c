#include "reactor/unixsock.h"

#include <errno.h>
#include <libgen.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define GROUPS_MAX 1024
#define LOCK_TRIES 200 /* 5 ms apart */
#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83
#endif

static bool is_abstract(const struct address *address) {
    return address->path[0] == '@';
}

static int check_parent(const char *path, struct stat *st, char *why, size_t why_size) {
    char copy[sizeof(((struct address *)NULL)->path)];
    snprintf(copy, sizeof(copy), "%s", path);
    const char *parent = dirname(copy);
    if (stat(parent, st) != 0) {
        int error = errno;
        snprintf(why, why_size, "%s: %s", parent, strerrordesc_np(error));
        return -error;
    }
    if (st->st_mode & S_IWOTH && !(st->st_mode & S_ISVTX)) {
        snprintf(why, why_size, "%s: everybody may write there and it has no sticky bit", parent);
        return -EPERM;
    }
    return 0;
}

/* Removes the file at name if it is a socket on which nobody answers. */
static int clear_stale(const char *path, int type, const struct sockaddr *name, socklen_t size, char *why,
                       size_t why_size) {
    struct stat st;
    if (lstat(path, &st) != 0)
        return errno == ENOENT ? 0 : -errno;
    if (!S_ISSOCK(st.st_mode)) {
        snprintf(why, why_size, "%s exists and is no socket", path);
        return -EEXIST;
    }
    int fd = socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    int error = connect(fd, name, size) == 0 ? 0 : errno;
    close(fd);
    if (error == ENOENT) /* its daemon has just ended */
        return 0;
    if (error == EACCES)
        return -EACCES;
    if (error != ECONNREFUSED) {
        snprintf(why, why_size, "%s: somebody answers on this socket", path);
        return -EADDRINUSE;
    }
    return unlink(path) == 0 || errno == ENOENT ? 0 : -errno;
}

static int set_permissions(struct unixsock *options) {
    const char *path = options->address->path;
    struct stat st;
    if ((options->owner != (uid_t)-1 || options->group != (gid_t)-1) &&
        chown(path, options->owner, options->group) != 0)
        return -errno;
    if (chmod(path, options->mode) != 0 || stat(path, &st) != 0)
        return -errno;
    options->device = st.st_dev;
    options->inode = st.st_ino;
    return 0;
}

bool unixsock_refuse_fds(int fd) {
    int off = 0;
    return setsockopt(fd, SOL_SOCKET, SO_PASSRIGHTS, &off, sizeof(off)) == 0;
}

/* When two daemons start at once, neither may mistake the other's new socket, which does not listen yet, for a stale
 * one. So whoever binds a socket in a directory first binds an abstract name that stands for it as a lock. (Not
 * flock(2), by which our own log may be locked in that directory.) Returns what to close; -1: no lock. If somebody else
 * holds the name for long, the start is only delayed. */
static int lock_directory(const struct stat *directory) {
    const struct timespec moment = {.tv_nsec = 5000000};
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int n = snprintf(name.sun_path + 1, sizeof(name.sun_path) - 1, "sluice-bind-%jx-%jx",
                     (uintmax_t)directory->st_dev, (uintmax_t)directory->st_ino);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    for (int i = 0; fd >= 0 && i < LOCK_TRIES; i++) {
        if (bind(fd, (struct sockaddr *)&name, size) == 0 || errno != EADDRINUSE)
            break;
        nanosleep(&moment, NULL);
    }
    return fd;
}

/* The listening socket, or -errno. */
static int bind_and_listen(struct unixsock *options, const struct sockaddr *name, socklen_t size, int type) {
    bool file = !is_abstract(options->address);
    int fd = socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    unixsock_refuse_fds(fd);
    mode_t mask = umask(0177); /* nobody else may connect before owner and mode are set */
    int error = bind(fd, name, size) == 0 ? 0 : -errno;
    umask(mask);
    bool bound = !error;
    if (!error && file)
        error = set_permissions(options);
    if (!error && type == SOCK_STREAM && listen(fd, options->backlog) != 0)
        error = -errno;
    if (!error)
        return fd;
    if (bound && file)
        unlink(options->address->path);
    close(fd);
    return error;
}

int unixsock_open(struct unixsock *options, char *why, size_t why_size) {
    const struct address *address = options->address;
    struct sockaddr_storage name;
    socklen_t size;
    int error = address_socket(address, &name, &size);
    int type = address->kind == ADDRESS_UNIXGRAM ? SOCK_DGRAM : SOCK_STREAM;
    if (error)
        return error;
    if (is_abstract(address))
        return bind_and_listen(options, (struct sockaddr *)&name, size, type);
    struct stat parent;
    error = check_parent(address->path, &parent, why, why_size);
    if (error)
        return error;
    int lock = lock_directory(&parent);
    error = clear_stale(address->path, type, (struct sockaddr *)&name, size, why, why_size);
    int fd = error ? error : bind_and_listen(options, (struct sockaddr *)&name, size, type);
    if (lock >= 0)
        close(lock);
    return fd;
}

void unixsock_unlink(const struct address *address, dev_t device, ino_t inode) {
    struct stat st;
    if (!is_abstract(address) && lstat(address->path, &st) == 0 && st.st_dev == device && st.st_ino == inode)
        unlink(address->path);
}

static bool contains(const uint32_t *ids, unsigned count, uint32_t id) {
    for (unsigned i = 0; i < count; i++)
        if (ids[i] == id)
            return true;
    return false;
}

bool unixsock_peer_allowed(int fd, const uint32_t *uids, unsigned uids_count, const uint32_t *gids,
                           unsigned gids_count) {
    struct ucred credentials;
    socklen_t size = sizeof(credentials);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0)
        return false;
    if (contains(uids, uids_count, credentials.uid) || contains(gids, gids_count, credentials.gid))
        return true;
    gid_t groups[GROUPS_MAX];
    size = sizeof(groups);
    if (gids_count == 0 || getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) != 0)
        return false;
    for (socklen_t i = 0; i < size / sizeof(gid_t); i++)
        if (contains(gids, gids_count, groups[i]))
            return true;
    return false;
}
