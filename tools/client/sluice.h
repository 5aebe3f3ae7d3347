/* libsluice: a blocking client of sluiced's object protocol, over Unix and TCP sockets.
 *
 *     struct sluice *client;
 *     struct sluice_object object;
 *     if (sluice_connect(&client, "unix:/run/sluice.sock", 5000) == 0 &&
 *         sluice_get(client, SLUICE_FDPASS, "models/a.bin", 0, 0, 0, &object) == 0) {
 *         ... read or mmap object.fd, object.size bytes ...
 *         close(object.fd);
 *     } else {
 *         fprintf(stderr, "%s\n", sluice_error(client));
 *     }
 *     sluice_close(client);
 *
 * Results: 0; a positive enum sluice_status when the server refused (the connection goes on); a negative errno when
 * something failed on this side. sluice_error() puts any of them into words. On a connection that has failed
 * (sluice_connected() is 0 then) every further call returns its first error; close it and connect again.
 *
 * A client belongs to one thread at a time, and after a fork to one of the two processes; several clients are
 * independent. No function raises SIGPIPE for its socket. Keys are UTF-8 paths without a leading slash. Offsets,
 * counts and sizes are bytes. */
#ifndef SLUICE_CLIENT_SLUICE_H
#define SLUICE_CLIENT_SLUICE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

enum sluice_status {
    SLUICE_OK = 0,
    SLUICE_NOT_FOUND = 1,
    SLUICE_DENIED = 2,
    SLUICE_BAD_REQUEST = 3,
    SLUICE_BAD_RANGE = 4,
    SLUICE_UNSUPPORTED = 5,
    SLUICE_NOT_REGULAR = 6,
    SLUICE_TOO_LARGE = 7,
    SLUICE_BUSY = 8, /* try again later, as after FD_LIMIT and RATE_LIMITED */
    SLUICE_FD_LIMIT = 9,
    SLUICE_IO = 10,
    SLUICE_SHUTTING_DOWN = 11,
    SLUICE_TIMEOUT = 12,
    SLUICE_RATE_LIMITED = 13
};

/* How an object is delivered. */
enum sluice_mode {
    SLUICE_FDPASS = 'F', /* an open descriptor; Unix sockets only */
    SLUICE_COPY = 'C',   /* bytes that the server reads */
    SLUICE_SPLICE = 'S', /* bytes that the server's kernel moves */
    SLUICE_AUTO = 'A'    /* the server's choice of these */
};

/* For SLUICE_FDPASS: the descriptor will be used only for pread and mmap (no read, lseek or fcntl), so the server may
 * pass one that it shares with this user's other clients. For up to a second after a file was replaced or removed that
 * may be the old file's. */
#define SLUICE_SHARED 1u

struct sluice; /* a connection */

struct sluice_object {
    int status;            /* of this object: 0 or an enum sluice_status (sluice_open_many) */
    enum sluice_mode mode; /* how it came: SLUICE_AUTO comes as one of the others */
    unsigned flags;        /* SLUICE_SHARED: the descriptor is a shared one */
    int fd;                /* yours to close; -1: none, the bytes follow on the connection */
    uint64_t size;         /* of the whole object */
    uint64_t offset;       /* of the range asked for */
    uint64_t count;        /* bytes of the range, clipped to the object's end */
    uint64_t version;      /* equal versions, equal content */
    int64_t mtime_ns;      /* since 1970-01-01 UTC */
    uint64_t left;         /* bytes of the range that sluice_read has not returned yet */
    uint32_t reply;        /* the library's: which reply they follow */
};

/* Connects to "unix:/path", "unix:@abstract" or "tcp:HOST:PORT". timeout_ms bounds the connection's set-up and, later,
 * every wait for the server to make progress; 0: no limit. *client is set even on failure, for sluice_error(); it is
 * NULL only when out of memory. */
int sluice_connect(struct sluice **client, const char *address, int timeout_ms);
/* Closes the connection and descriptors that arrived and were not taken. NULL is allowed. */
void sluice_close(struct sluice *client);
/* Why the last failed call failed, in words; valid until the next call. client may be NULL. */
const char *sluice_error(const struct sluice *client);
/* 1 as long as the connection can be used. */
int sluice_connected(const struct sluice *client);
/* "NOT_FOUND" and so on; "UNKNOWN" for a number that is not a status. */
const char *sluice_status_name(int status);

/* Asks for count bytes (0: to the end) from offset. On success either object->fd >= 0 is a read-only descriptor of the
 * whole object, at position 0, which is now the caller's; or the bytes of the range follow: take them with
 * sluice_read() or sluice_copy() before the next request, which drops what is left. */
int sluice_get(struct sluice *client, enum sluice_mode mode, const char *key, uint64_t offset, uint64_t count,
               unsigned flags, struct sluice_object *object);

/* The next bytes of the range, however it came (from a descriptor by pread): 1..size, 0 at its end, or a
 * negative errno; -EINVAL: another request dropped them. An object that shrinks meanwhile is -ENODATA from a
 * descriptor, and ends the connection otherwise. */
ssize_t sluice_read(struct sluice *client, struct sluice_object *object, void *buffer, size_t size);

/* Called with the bytes so far and in total; returning anything but 0 stops the copy with -ECANCELED. */
typedef int (*sluice_progress)(void *context, uint64_t done, uint64_t total);

/* Writes what is left of the range to descriptor out at its position: in the kernel where the object came as
 * a descriptor and out allows it; waits for a non-blocking one. progress may be NULL. -EPIPE, -ENOSPC and the like are
 * out's. */
int sluice_copy(struct sluice *client, struct sluice_object *object, int out, sluice_progress progress,
                void *context);

/* Opens n objects at once, each as by SLUICE_FDPASS, with pipelined requests. objects[i].status is each one's outcome,
 * objects[i].fd is the caller's. 0 if all were answered; otherwise none is open. */
int sluice_open_many(struct sluice *client, const char *const *keys, size_t n, unsigned flags,
                     struct sluice_object *objects);

/* Size, version and time of an object, without its bytes. */
int sluice_info(struct sluice *client, const char *key, struct sluice_object *object);

/* Called with one key; returning anything but 0 ends the list there, successfully. */
typedef int (*sluice_key)(void *context, const char *key);

/* Lists all keys that start with prefix ("": all keys), in bytewise order, one page after the other. */
int sluice_list(struct sluice *client, const char *prefix, sluice_key each, void *context);
/* Lists one page: at most limit keys (0: the server's default) greater than after ("": from the start). *more becomes 1
 * if there are further ones. */
int sluice_list_page(struct sluice *client, const char *prefix, const char *after, unsigned limit,
                     sluice_key each, void *context, int *more);

/* Sends up to 4,096 bytes to the server, which sends them back. */
int sluice_ping(struct sluice *client, const void *bytes, size_t n);

/* Gets the server's statistics (what: "") or connections (what: "conns") as a JSON text with a NUL in *json, which the
 * caller has to free. DENIED on listeners without administration. */
int sluice_stats(struct sluice *client, const char *what, char **json);

#ifdef __cplusplus
}
#endif

#endif
