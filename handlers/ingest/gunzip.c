#include "handlers/ingest/gunzip.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <zlib.h>

#define PIECE     ((size_t)64 << 10) /* also what any body may grow to, whatever the ratio */
#define GZIP_ONLY (15 + 16)          /* inflateInit2: the largest window, gzip and nothing else */

static size_t limit_of(size_t body, size_t most, size_t ratio) {
    size_t limit;
    if (__builtin_mul_overflow(body, ratio, &limit) || limit > most)
        limit = most;
    return limit < PIECE && limit < most ? (PIECE < most ? PIECE : most) : limit;
}

/* Inflates to the end, growing the buffer up to limit bytes and one more, which shows that there is more. */
static int inflate_all(z_stream *stream, size_t limit, char **out, size_t *n) {
    size_t room = 0;
    int result = Z_OK;
    *out = NULL;
    *n = 0;
    while (result != Z_STREAM_END) {
        if (*n == room) {
            if (room > limit)
                return -EFBIG;
            room = room + PIECE < limit + 1 ? room + PIECE + room / 2 : limit + 1;
            room = room < limit + 1 ? room : limit + 1;
            char *more = realloc(*out, room);
            if (!more)
                return -ENOMEM;
            *out = more;
        }
        stream->next_out = (Bytef *)*out + *n;
        stream->avail_out = (uInt)(room - *n);
        result = inflate(stream, Z_NO_FLUSH);
        *n = room - stream->avail_out;
        if (result == Z_STREAM_END && stream->avail_in > 0)
            result = inflateReset(stream); /* members may follow each other (RFC 1952, 2.2) */
        if (result == Z_MEM_ERROR)
            return -ENOMEM;
        if (result != Z_OK && result != Z_STREAM_END)
            return -EINVAL;
    }
    return *n > limit ? -EFBIG : 0;
}

int gunzip(struct span body, size_t most, size_t ratio, char **out, size_t *n) {
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)body.p, .avail_in = (uInt)body.n};
    *out = NULL;
    if (inflateInit2(&stream, GZIP_ONLY) != Z_OK)
        return -ENOMEM;
    int error = inflate_all(&stream, limit_of(body.n, most, ratio), out, n);
    inflateEnd(&stream);
    if (error) {
        free(*out);
        *out = NULL;
    }
    return error;
}
