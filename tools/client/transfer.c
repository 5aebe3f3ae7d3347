/* file -> copy_file_range -> file            one file system, perhaps without moving a byte
 *      -> sendfile        -> anything        not for outputs opened to append
 *      -> pread, write    -> anything
 */
#include "tools/client/transfer.h"

#include <errno.h>
#include <poll.h>
#include <sys/sendfile.h>
#include <unistd.h>

#define PIECE 131072

/* Standard output may be non-blocking, as whoever has it too may have made it. */
static bool wait_for_room(int to) {
    struct pollfd out = {.fd = to, .events = POLLOUT};
    return poll(&out, 1, -1) >= 0 || errno == EINTR;
}

int transfer_write(int to, const void *bytes, size_t n) {
    const char *p = bytes;
    while (n > 0) {
        ssize_t written = write(to, p, n);
        if (written < 0 && (errno == EINTR || (errno == EAGAIN && wait_for_room(to))))
            continue;
        if (written < 0)
            return -errno;
        p += written;
        n -= (size_t)written;
    }
    return 0;
}

static ssize_t read_write(struct transfer *transfer, size_t n, bool *reading) {
    char piece[PIECE];
    ssize_t got;
    do {
        got = pread(transfer->from, piece, n < sizeof(piece) ? n : sizeof(piece), transfer->offset);
    } while (got < 0 && errno == EINTR);
    *reading = got < 0;
    if (got <= 0)
        return got < 0 ? -errno : 0;
    int result = transfer_write(transfer->to, piece, (size_t)got);
    if (result < 0)
        return result;
    transfer->offset += got;
    return got;
}

/* Errors that say "not this way" rather than "not at all". */
static bool is_refusal(int error) {
    return error == EINVAL || error == EXDEV || error == EBADF || error == ENOSYS || error == EOPNOTSUPP ||
           error == EPERM || error == EISDIR || error == ETXTBSY || error == EOVERFLOW || error == EAGAIN;
}

ssize_t transfer_step(struct transfer *transfer, size_t n, bool *reading) {
    *reading = false;
    while (transfer->way != TRANSFER_READ_WRITE) {
        ssize_t moved = transfer->way == TRANSFER_COPY_FILE_RANGE
                            ? copy_file_range(transfer->from, &transfer->offset, transfer->to, NULL, n, 0)
                            : sendfile(transfer->to, transfer->from, &transfer->offset, n);
        if (moved > 0)
            return moved;
        if (moved < 0 && errno == EINTR)
            continue;
        if (moved < 0 && !is_refusal(errno))
            return -errno;
        transfer->way++; /* also at an apparent end: special files move 0 bytes in the kernel's ways */
    }
    return read_write(transfer, n, reading);
}
