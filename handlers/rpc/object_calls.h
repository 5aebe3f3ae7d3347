/* Objects for calls: what the methods object.* and MCP's resources use.
 *
 *     key -> object_open() -> open job -> opened(fd, stat)
 *         -> object_read() -> open job -> read job -> done(bytes)         at most rpc_read bytes
 *     prefix -> object_list() -> walk in the files pool -> done(keys)
 *
 * Each answers the call itself when something fails. */
#ifndef SLUICE_HANDLERS_RPC_OBJECT_CALLS_H
#define SLUICE_HANDLERS_RPC_OBJECT_CALLS_H

#include "handlers/http/mime.h"
#include "handlers/objects/objects.h"
#include "handlers/rpc/base64.h"
#include "handlers/rpc/rpc.h"

struct object_calls {
    struct rpc *rpc;
    struct objects *objects;
    const struct mime *mime; /* not owned */
    uint64_t buffered;       /* bytes of objects being read */
};

struct object_opened {
    struct object_calls *calls;
    int fd; /* in the ledger; the receiver has to release it */
    struct stat st;
    struct span key; /* during the callback */
};

struct object_bytes {
    struct object_calls *calls;
    struct span key;
    struct object_fields fields; /* count bytes from offset */
    const char *bytes;           /* during the callback */
    bool more;                   /* fewer than asked for */
};

struct object_keys {
    const char *keys; /* each key and a newline; during the callback */
    size_t n;
    uint64_t count;
    bool more; /* there are further keys */
};

/* Takes the next key off *rest (at first all keys of a list). False: there is none. */
bool object_keys_next(struct span *rest, struct span *key);
/* Adds the keys as the elements of a JSON array. */
void object_keys_add(struct text *out, const struct object_keys *list);

typedef void object_opened_fn(struct rpc_call *call, const struct object_opened *opened);
typedef void object_read_fn(struct rpc_call *call, const struct object_bytes *read);
typedef void object_listed_fn(struct rpc_call *call, const struct object_keys *list);

/* hand_out: the descriptor is for the client. */
void object_open(struct object_calls *calls, struct rpc_call *call, struct span key, bool hand_out,
                 object_opened_fn *opened);
/* count bytes, 0: to the end. */
void object_read(struct object_calls *calls, struct rpc_call *call, struct span key, uint64_t offset,
                 uint64_t count, object_read_fn *done);
/* Lists at most limit keys that start with prefix and follow the key `after` ("": from the first). */
void object_list(struct object_calls *calls, struct rpc_call *call, const char *prefix, const char *after,
                 uint64_t limit, object_listed_fn *done);

/* How many of the bytes are text (UTF-8 without NUL): all of them; for a range that was cut, all but a character that
 * was cut at the end; -1: they are not text. */
ssize_t object_text(struct span bytes, bool cut);
/* The content type by the key's ending. */
const char *object_type(const struct object_calls *calls, struct span key);

#endif
