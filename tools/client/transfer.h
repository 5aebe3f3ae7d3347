/* Bytes from a file to any descriptor, in the kernel where it can (internal to libsluice). */
#ifndef SLUICE_CLIENT_TRANSFER_H
#define SLUICE_CLIENT_TRANSFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The way the next piece takes; steps down for good when one is refused. */
enum transfer_way { TRANSFER_COPY_FILE_RANGE, TRANSFER_SENDFILE, TRANSFER_READ_WRITE };

struct transfer {
    enum transfer_way way;
    int from, to;
    off_t offset; /* in from; to is written at its position */
};

/* Moves up to n bytes. The bytes moved, 0 at the end of the file, or -errno; *reading tells if it was
 * from that failed. */
ssize_t transfer_step(struct transfer *transfer, size_t n, bool *reading);
/* Writes all of it. 0 or -errno. */
int transfer_write(int to, const void *bytes, size_t n);

#endif
